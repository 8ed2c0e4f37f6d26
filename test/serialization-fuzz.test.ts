/** Bytes that are damaged: a value or an UnpicklingError, and never anything else. */

import { fstatSync, openSync } from 'node:fs';

import { register, UnpicklingError } from 'multiproc';
import { deserialize } from 'multiproc/serialization';

import { errorOf } from './lib/child';
import { messageOf } from './lib/crossing';

const ROUNDS = 20_000;

class Fuzzed {
  field: unknown = [1, 'two'];
}
class FuzzedHandle {
  constructor(readonly fd: number) {}
}
register(Fuzzed);
register(FuzzedHandle, {
  reduce: ({ fd }: FuzzedHandle, out) => [out.add(fd), 'part'],
  construct: ([index]: [number], from) => new FuzzedHandle(from.take(index)),
});

/** mulberry32. */
function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = generator(20_240_601);
const below = (limit: number): number => Math.floor(random() * limit);

function values(): unknown[] {
  const shared = { x: [1, 2.5, -7, 100_000], y: 'some text that is longer than a few characters' };
  let deep: unknown = 1;
  for (let i = 0; i < 100; i++) deep = { deep };
  return [
    { a: 1, b: 'x', c: [1, 2, shared], shared, n: null, u: undefined, t: true, f: false },
    [
      new Map<unknown, unknown>([
        ['k', new Set([1, 'é'])],
        [shared, shared],
      ]),
      Object.create(null),
    ],
    [new Date(1), /ab+c/gi, 12n, -(2n ** 99n), Object('boxed'), Symbol.iterator, Symbol.for('f')],
    [
      new Float64Array(9),
      Buffer.from('bytes'),
      new ArrayBuffer(5),
      new DataView(new ArrayBuffer(3)),
    ],
    [new Fuzzed(), new TypeError('e', { cause: new Fuzzed() }), new DOMException('m', 'n'), Fuzzed],
    [Object.assign(new Array(9), { 5: 1, extra: 2 }), Array.from({ length: 99 }, (_, i) => i)],
    [new FuzzedHandle(1), { inner: new FuzzedHandle(2) }],
    deep,
    '\ud800 漢字',
  ];
}

/** Changes a few bytes, cuts, doubles a part. */
function damaged(message: Buffer): Buffer {
  let bytes = Buffer.from(message);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(bytes.length);
    const kind = below(6);
    if (kind < 2) bytes[at] = below(256);
    else if (kind === 2) bytes[at]! ^= 1 << below(8);
    else if (kind === 3) bytes[at] = [0xff, 0x7f, 0x80, 0x20, 0x2c, 0x28][below(6)]!;
    else if (kind === 4 && at > 0) bytes = bytes.subarray(0, at);
    else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(below(bytes.length))]);
    if (bytes.length === 0) break;
  }
  return bytes;
}

test('damaged messages', () => {
  const messages = values().map(messageOf);
  for (const message of messages) deserializeTwice(message);
  const outcomes = { value: 0, error: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = damaged(messages[below(messages.length)]!);
    try {
      deserialize(bytes, undefined, round % 2 === 0);
      outcomes.value++;
    } catch (error) {
      if (!(error instanceof UnpicklingError)) {
        throw new Error(`round ${round}: ${bytes.toString('hex')}`, { cause: error });
      }
      outcomes.error++;
    }
  }
  expect(outcomes.value).toBeGreaterThan(ROUNDS / 100);
  expect(outcomes.error).toBeGreaterThan(ROUNDS / 2);
  expect(Object.keys(Object.prototype)).toEqual([]);
});

/** Undamaged, also with the handles' descriptors. */
function deserializeTwice(message: Buffer): void {
  for (const owned of [true, false]) {
    const fds = [openSync('/dev/null', 'r'), openSync('/dev/null', 'r')];
    const result = deserialize(message, fds, owned);
    const taken = Array.isArray(result) && result[0] instanceof FuzzedHandle;
    expect(fds.map(isOpen)).toEqual([taken, taken]);
    if (taken) deserialize(messageOf(0), fds);
  }
}

const isOpen = (fd: number): boolean => errorOf(() => fstatSync(fd)) === undefined;

test('descriptors of damaged messages are closed, or belong to what was made', () => {
  const message = messageOf(values()[6]);
  for (let round = 0; round < 1000; round++) {
    const fds = [openSync('/dev/null', 'r'), openSync('/dev/null', 'r')];
    const taken: number[] = [];
    register(FuzzedHandle, {
      reduce: ({ fd }: FuzzedHandle, out) => [out.add(fd), 'part'],
      construct: ([index]: [number], from) => {
        taken.push(from.take(index));
        return new FuzzedHandle(taken.at(-1)!);
      },
    });
    errorOf(() => deserialize(damaged(message), fds));
    expect(fds.filter(isOpen).sort()).toEqual(taken.sort());
    deserialize(messageOf(0), taken);
  }
});
