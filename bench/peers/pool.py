"""pool.py Pool|ProcessPoolExecutor TASKS LONG-TASKS MILLISECONDS BUFFERS SIZE WORKERS"""
import json
import sys
import time

# The programs beside this one must not hide modules of their names.
sys.path.append(sys.path.pop(0))

from concurrent.futures import ProcessPoolExecutor
from statistics import median

from peer import context, now

kind = sys.argv[1]
count, long_tasks, milliseconds, buffers, size, workers = map(int, sys.argv[2:])
data = b"\7" * size

# As in pool/measure.js.
BUDGET = 0.15
MOST_SAMPLES = 5


# The input is made once, as in pool.js.
inputs = list(range(count))


def increment(x):
    return x + 1


def work(milliseconds):
    """Work for the processor."""
    end = time.process_time() + milliseconds / 1000
    while time.process_time() < end:
        pass


def echo(data):
    return data


def seconds(action, count, few=None):
    """Seconds of `action(count)`, after some of `action(few)` to warm up."""
    warm = now() + BUDGET
    while True:
        action(few or -(-count // 10))
        if now() >= warm:
            break
    samples = []
    end = now() + BUDGET
    while True:
        begin = now()
        action(count)
        samples.append(now() - begin)
        if now() >= end or len(samples) == MOST_SAMPLES:
            return median(samples)


def per_second(action, count, few=None):
    return count / seconds(action, count, few)


def thousands_a_second(action, count, few=None):
    return per_second(action, count, few) / 1000


def check(results):
    assert results == list(range(1, len(results) + 1))


def drain(results):
    for result in results:
        assert len(result) == size


def pool():
    def singly(n):
        results = [pool.apply_async(increment, (x,)) for x in inputs[:n]]
        check([result.get() for result in results])

    def mapped(n, chunksize=None):
        check(pool.map(increment, inputs[:n], chunksize))

    def imap(n):
        check(list(pool.imap(increment, inputs[:n])))

    with context.Pool(workers) as pool:
        return {
            "map": thousands_a_second(mapped, count, count),
            "singly": thousands_a_second(singly, count),
            "mapOne": thousands_a_second(lambda n: mapped(n, 1), count),
            "imap": thousands_a_second(imap, count),
            "long": seconds(lambda n: pool.map(work, [milliseconds] * n, 1), long_tasks),
            "sentByImap": per_second(lambda n: drain(pool.imap(echo, [data] * n)), buffers),
        }


def executor():
    def mapped(n):
        chunksize = n // (4 * workers)
        check(list(executor.map(increment, inputs[:n], chunksize=chunksize)))

    def singly(n):
        futures = [executor.submit(increment, x) for x in inputs[:n]]
        check([future.result() for future in futures])

    with ProcessPoolExecutor(workers, mp_context=context) as executor:
        return {
            "map": thousands_a_second(mapped, count, count),
            "singly": thousands_a_second(singly, count),
            "long": seconds(lambda n: list(executor.map(work, [milliseconds] * n)), long_tasks),
            "sentByImap": per_second(lambda n: drain(executor.map(echo, [data] * n)), buffers),
        }


print(json.dumps({"Pool": pool, "ProcessPoolExecutor": executor}[kind]()))
