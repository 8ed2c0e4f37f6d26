"""lock.py CLASS COUNT"""
import sys

from peer import context, now, report

count = int(sys.argv[2])
lock = getattr(context, sys.argv[1])()


def pairs():
    begin = now()
    for _ in range(count):
        lock.acquire()
        lock.release()
    return count / 1e6 / (now() - begin)


report(pairs)
