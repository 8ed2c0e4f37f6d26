"""roundtrip.py object|bytes COUNT"""
import sys

from peer import RUNS, context, now, report

kind, count = sys.argv[1], int(sys.argv[2])
here, there = context.Pipe()
data = b"\1" * 16


def an_object():
    here.send(123456)
    here.recv()


def sixteen_bytes():
    here.send_bytes(data)
    here.recv_bytes()


def echo():
    for _ in range(RUNS * count):
        if kind == "object":
            there.send(there.recv())
        else:
            there.send_bytes(there.recv_bytes())


def measure():
    begin = now()
    for _ in range(count):
        roundtrip()
    return (now() - begin) * 1e6 / count


child = context.Process(target=echo, daemon=True)
child.start()
roundtrip = an_object if kind == "object" else sixteen_bytes
report(measure)
child.join()
