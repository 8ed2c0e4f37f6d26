/** Future: its states, its result, its callbacks. */

import { inspect } from 'node:util';

import { Event, futures, InvalidStateError, Value } from 'multiproc';
import { Future } from 'multiproc/futures';
import * as subpath from 'multiproc/futures';

import { errorOf, expectNoChildren, patience, rejectionOf } from './lib/child';
import {
  type AnyFuture,
  identity,
  inState,
  makeGate,
  predicatesOf,
  type State,
  states,
  withExecutor,
} from './lib/futures';
import { thrownBy } from './lib/pool';
import { runSource } from './lib/run';

afterEach(expectNoChildren);

test('the subpath and the namespace have the same names', () => {
  expect(Object.keys(subpath).sort()).toEqual(Object.keys(futures).sort());
});

describe('done callbacks', () => {
  const outcomes: [string, (future: AnyFuture) => void][] = [
    ['has a result', (future) => future.setResult(5)],
    ['has failed', (future) => future.setException(new Error('failed'))],
    ['is cancelled', (future) => future.cancel()],
  ];

  test.each(outcomes)('are called in order, with a future that %s', (_, end) => {
    const future = new Future();
    const called: unknown[] = [];
    for (const index of [1, 2, 3]) {
      future.addDoneCallback((it) => called.push([index, it === future, it.done()]));
    }
    expect(called).toEqual([]);
    end(future);
    expect(called).toEqual([1, 2, 3].map((index) => [index, true, true]));
  });

  test.each(outcomes)('C298: one that is added to a future that %s is called at once', (_, end) => {
    const future = new Future();
    end(future);
    const called: unknown[] = [];
    future.addDoneCallback((it) => called.push(it));
    expect(called).toHaveLength(1);
    expect(called[0] === future).toBe(true);
  });

  test('C297: the error of one is printed, and the others are called', async () => {
    const ended = await runSource(`
      const { futures } = require('multiproc');
      const future = new futures.Future();
      future.addDoneCallback(() => console.log('first'));
      future.addDoneCallback(() => { throw new RangeError('doh!'); });
      future.addDoneCallback((it) => console.log('third', it === future));
      future.setResult(5);
      console.log(future.result());`);
    expect(ended).toMatchObject({ code: 0, stdout: 'first\nthird true\n5\n' });
    expect(ended.stderr).toMatch(
      /^exception calling callback for <Future at 0x[0-9a-f]+ state=finished returned number> RangeError: doh!\n {4}at /,
    );
  });

  test('C297: and neither an executor nor its other futures suffer', async () => {
    const ended = await runSource(`
      const { ProcessPoolExecutor } = require('multiproc');
      const executor = new ProcessPoolExecutor(1);
      const all = [1, 2, 3].map((x) => executor.submit((y) => 2 * y, x));
      for (const future of all) future.addDoneCallback(() => { throw new RangeError('doh!'); });
      console.log(all.map((future) => future.result(20)).join());
      executor.shutdown();`);
    expect(ended).toMatchObject({ code: 0, stdout: '2,4,6\n' });
    expect(
      ended.stderr.match(/^exception calling callback for .* RangeError: doh!$/gm),
    ).toHaveLength(3);
  });

  test('C299: the error of one that is added late is printed, not thrown', async () => {
    const ended = await runSource(`
      const { futures } = require('multiproc');
      const future = new futures.Future();
      future.setResult(5);
      future.addDoneCallback(() => { throw new RangeError('doh!'); });
      console.log('goes on');`);
    expect(ended).toMatchObject({ code: 0, stdout: 'goes on\n' });
    expect(ended.stderr).toMatch(/^exception calling callback for .*RangeError: doh!\n {4}at /);
  });

  test('are called while a result is waited for, by blocking or not', () =>
    withExecutor(1, async (executor) => {
      const called: number[] = [];
      const callback = (future: AnyFuture): void => void called.push(future.result(0));
      const first = executor.submit(identity<number>, 1);
      first.addDoneCallback(callback);
      first.result(patience);
      expect(called).toEqual([1]);
      const second = executor.submit(identity<number>, 2);
      second.addDoneCallback(callback);
      await second;
      expect(called).toEqual([1, 2]);
      expect(errorOf(() => second.addDoneCallback(5 as never))).toMatch(
        /^TypeError: Expected a function for callback/,
      );
    }));

  test('may block for a future that no worker has been given yet', () =>
    withExecutor(1, async (executor) => {
      const gate = makeGate();
      for (const blocking of [true, false]) {
        const [first, second] = [executor.submit(gate.pass, 1), executor.submit(gate.pass, 2)];
        const called: number[] = [];
        first.addDoneCallback(() => called.push(second.result(patience)));
        gate.open();
        if (blocking) first.result(patience);
        else await first;
        expect(called).toEqual([2]);
      }
    }));
});

describe('states', () => {
  const cancellable: State[] = ['pending', 'cancelled', 'notified'];

  test.each(states)('C301: cancel() of a future that is %s', (state) => {
    const future = inState[state]();
    const before = inspect(future);
    const possible = cancellable.includes(state);
    expect([future.cancel(), future.cancel()]).toEqual([possible, possible]);
    const after = state === 'pending' ? before.replace('pending', 'cancelled') : before;
    expect(inspect(future)).toBe(after);
    expect(future.cancelled()).toBe(possible);
  });

  test('C301: cancel() of what a worker does, and of what waits for one', () =>
    withExecutor(1, (executor) => {
      const gate = makeGate();
      const [running, waiting] = [executor.submit(gate.pass, 1), executor.submit(gate.pass, 2)];
      expect([running.cancel(), waiting.cancel(), waiting.cancel()]).toEqual([false, true, true]);
      expect(predicatesOf(running)).toEqual({ cancelled: false, running: true, done: false });
      expect(predicatesOf(waiting)).toEqual({ cancelled: true, running: false, done: true });
      gate.open();
      expect(running.result(patience)).toBe(1);
      expect(running.cancel()).toBe(false);
      expect(errorOf(() => waiting.result(patience))).toMatch(/^CancelledError/);
    }));

  test('C301: what is cancelled is not called', () =>
    withExecutor(1, (executor) => {
      const [gate, called] = [makeGate(), new Event()];
      const first = executor.submit(gate.pass, 1);
      expect(executor.submit(() => called.set()).cancel()).toBe(true);
      const last = executor.submit(identity<number>, 2);
      gate.open();
      expect([first.result(patience), last.result(patience)]).toEqual([1, 2]);
      expect(called.isSet()).toBe(false);
    }));

  test('C301: what a worker was given in advance, and has not begun, can be cancelled', () =>
    withExecutor(1, (executor) => {
      const [gate, begun] = [new Event(), new Value('i', 0)];
      const call = (waits: boolean): void => {
        begun.add(1);
        if (waits) gate.wait(patience);
      };
      // It is known to be quick then.
      for (let i = 0; i < 40; i++) executor.submit(call, false).result(patience);
      const first = executor.submit(call, true);
      const others = Array.from({ length: 9 }, () => executor.submit(call, false));
      expect(others.slice(2, 7).map((future) => future.cancel())).toEqual(Array(5).fill(true));
      gate.set();
      for (const future of [first, ...others.slice(0, 2), ...others.slice(7)]) {
        future.result(patience);
      }
      expect(begun.value).toBe(40 + 5);
    }));

  const predicates: Record<State, string[]> = {
    pending: [],
    running: ['running'],
    cancelled: ['cancelled', 'done'],
    notified: ['cancelled', 'done'],
    failed: ['done'],
    finished: ['done'],
  };

  test.each(states)('C302: cancelled(), running() and done() of a future that is %s', (state) => {
    const holding = Object.entries(predicatesOf(inState[state]())).filter(([, holds]) => holds);
    expect(holding.map(([name]) => name)).toEqual(predicates[state]);
  });

  test('the text shows the state', () => {
    const ends: Record<State, string> = {
      pending: 'state=pending>',
      running: 'state=running>',
      cancelled: 'state=cancelled>',
      notified: 'state=cancelled>',
      failed: 'state=finished raised RangeError>',
      finished: 'state=finished returned undefined>',
    };
    for (const state of states) {
      const text = inspect(inState[state]());
      expect(text).toMatch(/^<Future at 0x[0-9a-f]+ /);
      expect(text.slice(text.indexOf('state='))).toBe(ends[state]);
    }
  });

  test.each(states)('only one that is pending begins, not one that is %s', (state) => {
    const future = inState[state]();
    const begin = (): boolean => future.setRunningOrNotifyCancel();
    if (state === 'pending') expect(begin()).toBe(true);
    else if (state === 'cancelled') expect(begin()).toBe(false);
    else expect(errorOf(begin)).toBe('RuntimeError: Future in unexpected state');
  });
});

describe('the result', () => {
  const waits = ['result', 'exception'] as const;

  test.each(waits)('C303: %s() with a timeout', (wait) => {
    for (const state of ['pending', 'running'] as const) {
      for (const timeout of [0, 0.02]) {
        const begin = performance.now();
        const error = thrownBy(() => inState[state]()[wait](timeout));
        expect(error).toBeInstanceOf(futures.TimeoutError);
        // Timers may be early by less than a millisecond.
        expect(performance.now() - begin).toBeGreaterThanOrEqual(timeout * 1000 - 1);
      }
    }
    for (const state of ['cancelled', 'notified'] as const) {
      const error = thrownBy(() => inState[state]()[wait](0));
      expect(error).toBeInstanceOf(futures.CancelledError);
    }
  });

  test('C303: the stored error, or the stored value', () => {
    const error = new RangeError('stored');
    expect(thrownBy(() => inState.failed(error).result(0))).toBe(error);
    expect(inState.failed(error).exception(0)).toBe(error);
    const value = { some: 'value' };
    expect(inState.finished(value).result(0)).toBe(value);
    expect(inState.finished(value).exception(0)).toBe(null);
  });

  test('C303: of what a worker does', () =>
    withExecutor(1, (executor) => {
      const gate = makeGate();
      const [running, waiting] = [executor.submit(gate.pass, 1), executor.submit(gate.pass, 2)];
      for (const future of [running, waiting]) {
        expect(errorOf(() => future.result(0.01))).toMatch(/^TimeoutError/);
        expect(errorOf(() => future.exception(0))).toMatch(/^TimeoutError/);
      }
      // A wait that was in vain changes nothing.
      gate.open();
      expect([running.result(patience), waiting.exception(patience)]).toEqual([1, null]);
    }));

  test.each(['finished', 'failed', 'cancelled', 'notified'] as const)(
    'C305: none can be set when the future is %s',
    (state) => {
      const future = inState[state]();
      const before = inspect(future);
      const text = `${expectedState[state]}: ${before}`;
      const attempts = [
        (): void => future.setResult(2),
        (): void => future.setException(new Error('other')),
      ];
      for (const attempt of attempts) {
        const error = thrownBy(attempt);
        expect(error).toBeInstanceOf(InvalidStateError);
        expect(error.message).toBe(text);
      }
      expect(inspect(future)).toBe(before);
    },
  );

  const expectedState: Partial<Record<State, string>> = {
    finished: 'FINISHED',
    failed: 'FINISHED',
    cancelled: 'CANCELLED',
    notified: 'CANCELLED_AND_NOTIFIED',
  };

  test('C305: the first one is kept', () => {
    const [value, error] = [inState.finished(1), inState.failed()];
    const first = error.exception(0);
    for (const future of [value, error]) {
      expect(errorOf(() => future.setResult(2))).toMatch(/^InvalidStateError/);
      expect(errorOf(() => future.setException(new Error('other')))).toMatch(/^InvalidStateError/);
    }
    expect([value.result(0), error.exception(0)]).toEqual([1, first]);
    expect(value.exception(0)).toBe(null);
  });

  test('can be awaited, before and after it is there', async () => {
    const future = new Future<number>();
    const awaited = future.then((x) => x + 1);
    future.setResult(1);
    expect([await awaited, await future]).toEqual([2, 1]);
    const failing = new Future();
    const rejection = rejectionOf(failing.then());
    failing.setException(new RangeError('bad'));
    expect(await rejection).toBe('RangeError: bad');
    const cancelled = new Future();
    const waiting = rejectionOf(cancelled.then());
    cancelled.cancel();
    expect(await waiting).toMatch(/^CancelledError/);
  });

  test('an error that nobody asks for is none', async () => {
    const ended = await runSource(`
      const { ProcessPoolExecutor } = require('multiproc');
      const executor = new ProcessPoolExecutor(1);
      executor.submit(() => { throw new Error('unasked'); });`);
    expect(ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });
});
