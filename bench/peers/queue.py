"""queue.py Queue|SimpleQueue integer|object COUNT"""
import sys

# This program must not hide the module of its name.
sys.path.append(sys.path.pop(0))

from peer import RUNS, context, now, report

kind, content, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
queue = getattr(context, kind)()
go = context.Semaphore(0)


def produce():
    for _ in range(RUNS):
        go.acquire()
        for i in range(count):
            queue.put(i if content == "integer" else {"a": i, "b": "two", "c": 3.5})


def measure():
    begin = now()
    go.release()
    for _ in range(count):
        queue.get()
    return count / 1e6 / (now() - begin)


child = context.Process(target=produce, daemon=True)
child.start()
report(measure)
child.join()
