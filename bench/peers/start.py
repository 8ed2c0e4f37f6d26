"""Starts and joins processes that do nothing: start.py ROUNDS"""
import json
import multiprocessing
import sys
import time

context = multiprocessing.get_context("fork")


def nothing():
    pass


def once():
    begin = time.perf_counter()
    process = context.Process(target=nothing)
    process.start()
    process.join()
    elapsed = time.perf_counter() - begin
    process.close()
    return elapsed * 1e3


once()
print(json.dumps([once() for _ in range(int(sys.argv[1]))]))
