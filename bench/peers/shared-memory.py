"""shared-memory.py fill|write|read SIZE"""
import sys
from multiprocessing.shared_memory import SharedMemory

from peer import now, report

PASSES = 4

action, size = sys.argv[1], int(sys.argv[2])


def measure():
    begin = now()
    for _ in range(PASSES):
        target[:] = source
    return PASSES * size / 1e9 / (now() - begin)


if action == "fill":
    print("[]")
    sys.exit()

memory = SharedMemory(create=True, size=size)
try:
    shared, own = memory.buf, memoryview(bytearray(b"\1" * size))
    target, source = (shared, own) if action == "write" else (own, shared)
    report(measure)
finally:
    del shared, target, source
    memory.close()
    memory.unlink()
