"""What the programs in Python share."""
import json
import multiprocessing
import time

context = multiprocessing.get_context("fork")

# How often report() measures: the first time is to warm up.
RUNS = 4

now = time.perf_counter


def report(measure):
    """Prints what `measure` returns, once it is warm."""
    print(json.dumps([measure() for _ in range(RUNS)][1:]))
