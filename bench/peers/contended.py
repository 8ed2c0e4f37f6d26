"""contended.py PROCESSES COUNT"""
import sys

from peer import context, now, report

processes, count = map(int, sys.argv[1:])
lock = context.Lock()
ready, gate = context.Semaphore(0), context.Semaphore(0)
counter = context.RawValue("i")
times = context.RawArray("d", 2 * processes)


def count_up():
    for _ in range(count):
        lock.acquire()
        counter.value += 1
        lock.release()


def worker(index):
    ready.release()
    gate.acquire()
    times[2 * index] = now()
    count_up()
    times[2 * index + 1] = now()


def together():
    counter.value = 0
    children = [context.Process(target=worker, args=(i,), daemon=True) for i in range(processes)]
    for child in children:
        child.start()
    for _ in children:
        ready.acquire()
    for _ in children:
        gate.release()
    for child in children:
        child.join()
    assert counter.value == processes * count
    return processes * count / 1e6 / (max(times[1::2]) - min(times[0::2]))


report(together)
