"""bandwidth.py pipe|socket recvBytes|recvBytesInto COUNT"""
import sys

from peer import RUNS, context, now, report

kind, method, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
receiver, sender = context.Pipe(kind == "socket")
message = bytearray(b"\1" * 2**20)


def send():
    for _ in range(RUNS * count):
        sender.send_bytes(message)


def measure():
    begin = now()
    for _ in range(count):
        if method == "recvBytes":
            receiver.recv_bytes()
        else:
            receiver.recv_bytes_into(message)
    return count * len(message) / 1e9 / (now() - begin)


child = context.Process(target=send, daemon=True)
child.start()
report(measure)
child.join()
