"""contended.py PROCESSES SECONDS"""
import sys

from peer import context, now, report

processes, seconds = int(sys.argv[1]), float(sys.argv[2])
BATCH = 100  # between two looks at the clock

lock = context.Lock()
ready, gate = context.Semaphore(0), context.Semaphore(0)
end = context.RawValue("d")
counter = context.RawValue("i")
counts = context.RawArray("i", processes)


def count_up():
    count = 0
    until = end.value
    while now() < until:
        for _ in range(BATCH):
            lock.acquire()
            counter.value += 1
            lock.release()
        count += BATCH
    return count


def worker(index):
    ready.release()
    gate.acquire()
    counts[index] = count_up()


def together():
    children = [context.Process(target=worker, args=(i,), daemon=True) for i in range(processes)]
    for child in children:
        child.start()
    for _ in children:
        ready.acquire()
    counter.value = 0
    end.value = now() + seconds
    for _ in children:
        gate.release()
    for child in children:
        child.join()
    assert counter.value == sum(counts)
    return counter.value / seconds / 1e6


report(together)
