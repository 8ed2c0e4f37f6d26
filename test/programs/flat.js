'use strict';
// Does many operations of each kind; prints what they leave: descriptors, threads, MiB of memory.

const fs = require('node:fs');
const multiproc = require('multiproc');

const {
  Barrier,
  Condition,
  Event,
  JoinableQueue,
  Lock,
  Pipe,
  Pool,
  ProcessPoolExecutor,
  Queue,
  RLock,
  Semaphore,
  SimpleQueue,
} = multiproc;

const WARM_UP = 1000;
const COUNT = 10_000;
/** Node starts some of its own, which wait for work. */
const MOST_NEW_THREADS = 2;
const MOST_NEW_MEGABYTES = 20;
const MOST_ROUNDS = 4;

/** A kind: makes what it needs, and returns one operation on it. */
const kinds = {
  'Lock: acquire, release'() {
    const lock = new Lock();
    return () => {
      lock.acquire();
      lock.release();
    };
  },
  'RLock: acquire, release'() {
    const lock = new RLock();
    return () => {
      lock.acquire();
      lock.acquire({ timeout: 1 });
      lock.release();
      lock.release();
    };
  },
  'Lock: with()'() {
    const lock = new Lock();
    return () => lock.with(() => 1);
  },
  'Lock: acquire that fails'() {
    const lock = new Lock();
    lock.acquire();
    return () => lock.acquire(false) || lock.acquire(true, 0);
  },
  'Lock: new ones, dropped'() {
    return () => {
      const lock = new Lock();
      lock.acquire();
    };
  },
  'Lock: acquireAsync'() {
    const lock = new Lock();
    return async () => {
      await lock.acquireAsync();
      lock.release();
    };
  },
  'Lock: acquireAsync that has to wait'() {
    const lock = new Lock();
    return async () => {
      lock.acquire();
      const waiting = lock.acquireAsync();
      lock.release();
      await waiting;
      lock.release();
    };
  },
  Semaphore() {
    const semaphore = new Semaphore(3);
    return () => {
      semaphore.acquire();
      semaphore.getValue();
      semaphore.release();
    };
  },
  'Semaphore: acquireAsync that has to wait'() {
    const semaphore = new Semaphore(0);
    return async () => {
      const waiting = semaphore.acquireAsync();
      semaphore.release();
      await waiting;
    };
  },
  Event() {
    const event = new Event();
    return () => {
      event.set();
      event.wait();
      event.clear();
      event.wait(0);
    };
  },
  'Condition: notify, wait'() {
    const condition = new Condition();
    return () => {
      condition.acquire();
      condition.notify();
      condition.wait(0);
      condition.release();
    };
  },
  'Condition: waitAsync, notifyAll'() {
    const condition = new Condition(new Lock());
    return async () => {
      condition.acquire();
      const waiting = condition.waitAsync();
      condition.acquire();
      condition.notifyAll();
      condition.release();
      await waiting;
      condition.release();
    };
  },
  Barrier() {
    const barrier = new Barrier(1);
    return () => barrier.wait();
  },
  'Queue: put, get'() {
    const queue = new Queue();
    const value = { a: 1, text: 'some text', list: [1, 2, 3] };
    return () => {
      queue.put(value);
      queue.get();
    };
  },
  'Queue: Empty, Full'() {
    const [empty, full] = [new Queue(1), new Queue(1)];
    full.put(1);
    full.get();
    const fails = (call) => {
      try {
        call();
      } catch {
        return;
      }
      throw new Error('no error');
    };
    full.put(2);
    return () => {
      fails(() => empty.get(false));
      fails(() => full.put(1, false));
    };
  },
  'Queue: getAsync before put'() {
    const queue = new Queue();
    return async () => {
      const waiting = queue.getAsync();
      queue.put(1);
      await waiting;
    };
  },
  'Queue: putAsync that has to wait'() {
    const queue = new Queue(1);
    queue.put(0);
    return async () => {
      const waiting = queue.putAsync(1);
      queue.get();
      await waiting;
    };
  },
  'Queue: new ones, used and closed'() {
    return () => {
      const queue = new Queue();
      queue.put(1);
      queue.get();
      queue.close();
      queue.joinThread();
    };
  },
  'Queue: new ones, used and dropped'() {
    return () => {
      const queue = new Queue();
      queue.put(1);
      queue.get();
    };
  },
  'Queue: new ones, not used'() {
    return () => new Queue().close();
  },
  'SimpleQueue: put, get'() {
    const queue = new SimpleQueue();
    return () => {
      queue.put('text');
      queue.get();
    };
  },
  'SimpleQueue: putAsync, getAsync'() {
    const queue = new SimpleQueue();
    return async () => {
      await queue.putAsync('text');
      await queue.getAsync();
    };
  },
  'SimpleQueue: new ones, closed'() {
    return () => new SimpleQueue().close();
  },
  'JoinableQueue: put, get, taskDone, join'() {
    const queue = new JoinableQueue();
    return () => {
      queue.put(1);
      queue.get();
      queue.taskDone();
      queue.join();
    };
  },
  'Pipe: new ones, closed'() {
    return () => Pipe().forEach((end) => end.close());
  },
  'Pipe: new ones, dropped'() {
    return () => void Pipe(false);
  },
  'Pipe: send, recv'() {
    const [a, b] = Pipe();
    return () => {
      a.send([1, 'two']);
      b.recv();
    };
  },
  'Pipe: recvAsync before sendAsync'() {
    const [a, b] = Pipe();
    return async () => {
      const waiting = b.recvAsync();
      await a.sendAsync('text');
      await waiting;
    };
  },
  'Pipe: a connection is sent'() {
    const [a, b] = Pipe();
    const [sent] = Pipe();
    return () => {
      a.send(sent);
      b.recv().close();
    };
  },
};

if (multiproc.SharedMemory) {
  kinds['SharedMemory: new ones, closed and unlinked'] = () => () => {
    const memory = new multiproc.SharedMemory({ create: true, size: 4096 });
    memory.close();
    memory.unlink();
  };
}
const identity = (x) => x;
Object.assign(kinds, {
  'Pool: apply'() {
    const pool = new Pool(1);
    return () => pool.apply(identity, [1]);
  },
  'Pool: applyAsync of 64 KiB'() {
    const [pool, bytes] = [new Pool(1), Buffer.alloc(2 ** 16)];
    return () => pool.applyAsync(identity, [bytes]);
  },
  'Pool: applyAsync with a signal, a timeout and retries'() {
    const [pool, { signal }] = [new Pool(1), new AbortController()];
    return () => pool.applyAsync(identity, [1], { signal, timeout: 60, retries: 1 });
  },
  'Pool: imap'() {
    const pool = new Pool(1);
    return () => [...pool.imap(identity, [1, 2, 3])];
  },
  'ProcessPoolExecutor: submit, cancel'() {
    const executor = new ProcessPoolExecutor(1);
    return async () => {
      const futures = [1, 2, 3].map((x) => executor.submit(identity, x));
      futures[2].cancel();
      await Promise.allSettled(futures);
    };
  },
});
if (multiproc.Value) {
  kinds['Value and Array: new ones, dropped'] = () => () => {
    multiproc.Value('i', 1);
    multiproc.Array('d', 10);
  };
}

/** How many threads there are, without those of V8, which are started when there is work for them. */
function threads() {
  const names = fs.readdirSync('/proc/self/task').map((id) => {
    try {
      return fs.readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim();
    } catch {
      return null; // It has ended.
    }
  });
  return names.filter((name) => name !== null && name !== 'V8Worker').length;
}

/** Those that garbage collection has to close: not too many descriptors and threads at once. */
const isHeavy = (kind) => kind.includes('dropped') || kind.includes('not used');
const batchOf = (kind) => (isHeavy(kind) ? 200 : COUNT);
const countFor = (kind) => (isHeavy(kind) ? 3000 : COUNT);

const entriesOf = (directory) => fs.readdirSync(directory).length;

async function look() {
  for (let i = 0; i < 3; i++) await collect();
  return {
    descriptors: entriesOf('/proc/self/fd'),
    threads: threads(),
    megabytes: process.memoryUsage.rss() / 2 ** 20,
  };
}

/** By how much an action changes what look() sees. */
async function growth(action) {
  const before = await look();
  await action();
  let after = await look();
  // Threads that have nothing to do any more end in their own time.
  for (let i = 0; i < 100 && after.threads > before.threads + MOST_NEW_THREADS; i++)
    after = await look();
  const keys = Object.keys(after);
  return Object.fromEntries(keys.map((key) => [key, Math.round(after[key] - before[key])]));
}

async function collect() {
  globalThis.gc();
  await new Promise((resolve) => setTimeout(resolve, 2));
}

async function repeat(kind, operation, count) {
  const batch = batchOf(kind);
  for (let i = 1; i <= count; i++) {
    const result = operation();
    if (typeof result?.then === 'function') await result;
    if (i % batch === 0) await collect();
  }
}

async function main() {
  const left = {};
  for (const [kind, make] of Object.entries(kinds)) {
    const begin = performance.now();
    const operation = make();
    await repeat(kind, operation, WARM_UP);
    // V8's own memory takes some time to find its size: what leaks grows each time.
    for (let round = 0; round < MOST_ROUNDS; round++) {
      left[kind] = await growth(() => repeat(kind, operation, countFor(kind)));
      if (left[kind].megabytes <= MOST_NEW_MEGABYTES) break;
    }
    if (process.argv[2] === 'time') left[kind].ms = Math.round(performance.now() - begin);
  }
  console.log(JSON.stringify(left));
}

module.exports = { kinds: Object.keys(kinds) };
if (require.main === module) void main();
