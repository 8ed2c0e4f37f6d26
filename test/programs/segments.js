// What becomes of shared memory at the ends of processes: segments.js <scenario> [name]. Prints JSON.
'use strict';

const { existsSync, readdirSync, readlinkSync, unlinkSync, writeSync } = require('node:fs');
const { Worker } = require('node:worker_threads');
const { posix, Process, SharedMemory } = require('multiproc');
const tracker = require('../../dist/resource-tracker.js');

const [scenario, given] = process.argv.slice(2);
const pause = new Int32Array(new SharedArrayBuffer(4));

function sleep(milliseconds) {
  Atomics.wait(pause, 0, 0, milliseconds);
}

function create(options = {}) {
  return new SharedMemory({ create: true, size: 64, ...options });
}

/** In one write, whoever else writes. */
function say(values) {
  writeSync(1, `${JSON.stringify(values)}\n`);
}

function exists(segment) {
  return existsSync(`/dev/shm/${segment.name}`);
}

function run(target) {
  const child = new Process({ target });
  child.start();
  child.join();
  return child.exitcode;
}

/** A segment of which this is said first, for the test. */
function announced(options) {
  const segment = create(options);
  say({ name: segment.name, tracker: tracker.probe() });
  return segment;
}

const scenarios = {
  leak: () => announced(),
  unlink: () => announced().unlink(),
  throw() {
    announced();
    throw new Error('on purpose');
  },
  SIGTERM() {
    announced();
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => {}, 1e6);
  },
  SIGKILL() {
    announced();
    process.kill(process.pid, 'SIGKILL');
  },
  'process.exit': () => announced() && process.exit(3),
  'posix.exit': () => announced() && posix.exit(3),

  /** A child creates and is killed; its parent goes on. */
  'child killed'() {
    const name = `multiproc-test-${process.pid}`;
    const exitcode = run(() => {
      create({ name });
      process.kill(process.pid, 'SIGKILL');
    });
    say({ name, exitcode, exists: existsSync(`/dev/shm/${name}`), tracker: tracker.probe() });
  },

  'left to the parent'() {
    const name = `multiproc-test-${process.pid}`;
    run(() => create({ name }));
    sleep(100);
    say({ exists: existsSync(`/dev/shm/${name}`) });
    new SharedMemory({ name }).unlink();
  },

  /** Children are killed while they create and unlink. */
  storm() {
    for (let i = 0; i < 12; i++) {
      const target = () => {
        for (let n = 0; ; n++) {
          const segment = create({ name: `${given}-${i}-${n}` });
          if (n % 2 === 0) segment.unlink();
        }
      };
      const child = new Process({ target });
      child.start();
      while (!existsSync(`/dev/shm/${given}-${i}-1`)) sleep(1);
      sleep(i);
      child.kill();
      child.join();
    }
    say(readdirSync('/dev/shm').filter((name) => name.startsWith(given)).length);
  },

  /** The first process is killed; a child and a child that came before the tracker live on. */
  'first killed'() {
    const name = `multiproc-test-${process.pid}`;
    const outlive = (before) => () => {
      while (!existsSync(`/dev/shm/${name}`)) sleep(2);
      const segment = new SharedMemory({ name });
      const first = posix.getppid();
      segment.buf[before ? 0 : 1] = 1;
      while (posix.getppid() === first) sleep(2);
      // The other one may have ended already.
      sleep(before ? 300 : 50);
      say({ exists: exists(segment) });
    };
    new Process({ target: outlive(true) }).start();
    const segment = announced({ name });
    new Process({ target: outlive(false) }).start();
    while (segment.buf[0] + segment.buf[1] < 2) sleep(2);
    process.kill(process.pid, 'SIGKILL');
  },

  'tracker killed'() {
    const first = create();
    const gone = create();
    const old = tracker.probe();
    process.kill(old, 'SIGKILL');
    while (tracker.probe() !== null) sleep(2);
    gone.unlink();
    const second = create();
    second.unlink();
    say({ name: first.name, tracker: tracker.probe() });
  },

  signals() {
    const segment = create();
    const pid = tracker.probe();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE']) process.kill(pid, signal);
    segment.unlink();
    say({ same: tracker.probe() === pid, name: create().name, tracker: pid });
  },

  /** Several children, none of which has seen a tracker, need one at once. */
  race() {
    const own = [1, 2, 3, 4].map(() => {
      const target = () => {
        const segment = create();
        say(tracker.probe());
        sleep(100);
        segment.unlink();
      };
      return new Process({ target });
    });
    own.forEach((child) => child.start());
    own.forEach((child) => child.join());
  },

  inherited() {
    create().unlink();
    const pid = tracker.probe();
    run(() => {
      create().unlink();
      say({ same: tracker.probe() === pid });
    });
  },

  names() {
    for (const name of ['a:b', ':', 'new\nline', "quo'te", 'ü']) {
      create({ name: `${name}-${process.pid}` }).unlink();
    }
    create({ name: `left:\n-${process.pid}` });
  },

  /** Another program's segment. */
  attach: () => new SharedMemory({ name: given }).close(),
  'attach and track': () => new SharedMemory({ name: given, track: true }).close(),
  'attach and unlink': () => new SharedMemory({ name: given }).unlink(),
  untracked: () => announced({ track: false }),

  /** Killed when it has said that it will create what somebody else has. */
  'killed before creation'() {
    tracker.registerBeforeCreation(`/${given}`, 'shared_memory');
    process.kill(process.pid, 'SIGKILL');
  },
  'killed after creation'() {
    announced({ name: given });
    process.kill(process.pid, 'SIGKILL');
  },
  'exists already'() {
    try {
      create({ name: given });
    } catch (error) {
      say(error.name);
    }
  },

  'two, one gone'() {
    const [gone, left] = [create(), create()];
    unlinkSync(`/dev/shm/${gone.name}`);
    say({ name: left.name });
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => {}, 1e6);
  },

  /** A forked child goes on when its parent has ended. */
  'raw fork'() {
    const segment = create();
    const parent = posix.getpid();
    if (posix.fork() !== 0) {
      say('parent');
      process.exit(0);
    }
    while (posix.getppid() === parent) sleep(2);
    sleep(100);
    say(exists(segment));
    segment.unlink();
    process.exit(0);
  },

  stopped() {
    const pid = tracker.probe() ?? (create().unlink(), tracker.probe());
    process.kill(pid, 'SIGSTOP');
    const begin = performance.now();
    try {
      create({ name: given });
    } catch (error) {
      say({
        error: `${error.name}: ${error.message}`,
        seconds: (performance.now() - begin) / 1000,
      });
    }
    say(existsSync(`/dev/shm/${given}`));
    process.kill(pid, 'SIGCONT');
  },

  worker() {
    const source = `
      const { SharedMemory } = require(${JSON.stringify(require.resolve('multiproc'))});
      require('node:worker_threads').parentPort.postMessage(
        new SharedMemory({ create: true, size: 64 }).name);`;
    const worker = new Worker(source, { eval: true });
    worker.on('message', (name) => {
      worker.on('exit', () => {
        const segment = new SharedMemory({ name });
        say({ exists: exists(segment) });
        segment.unlink();
      });
    });
  },

  descriptors() {
    create().unlink();
    const fds = `/proc/${tracker.probe()}/fd`;
    say(readdirSync(fds).map((fd) => readlinkSync(`${fds}/${fd}`).split(':')[0]));
  },
};

scenarios[scenario]();
