/** CPython as the other side. */

import { execFileSync } from 'node:child_process';

import { ShareableList, SharedMemory } from 'multiproc';

import { exists, removeSegments, uniqueName } from './lib/segments';

const made = new Set<string>();

const hasPython = ((): boolean => {
  try {
    execFileSync('python3', ['-c', 'import multiprocessing.shared_memory']);
    return true;
  } catch {
    console.warn('no python3: CPython as the other side is not tested');
    return false;
  }
})();

const withPython = hasPython ? test : test.skip;

/** Until 3.13, Python tracks what it attaches to, and unlinks it at its end. */
const prelude = `
import sys
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory, ShareableList
def leave(segment):
    resource_tracker.unregister(segment._name, 'shared_memory')
name = sys.argv[1]
`;

function python(source: string, name: string): string {
  made.add(name);
  return execFileSync('python3', ['-c', prelude + source, name], { encoding: 'utf8' }).trim();
}

function create(size: number): SharedMemory {
  const segment = new SharedMemory({ create: true, size });
  made.add(segment.name);
  return segment;
}

afterEach(() => {
  removeSegments(made);
  made.clear();
});

withPython('SharedMemory: made here, read and written by Python', () => {
  const segment = create(100);
  segment.buf!.write('hello');
  const said = python(
    `
segment = SharedMemory(name)
leave(segment)
print(segment.size, bytes(segment.buf[:5]), repr(segment) == "SharedMemory('%s', size=100)" % name)
segment.buf[:6] = b'python'
segment.close()
`,
    segment.name,
  );
  expect(said).toBe("100 b'hello' True");
  expect(segment.buf!.toString('latin1', 0, 6)).toBe('python');
  expect(exists(segment.name)).toBe(true);
});

withPython('SharedMemory: made by Python, read, written and unlinked here', () => {
  const name = uniqueName();
  python(
    `
segment = SharedMemory(name, create=True, size=5000)
leave(segment)
segment.buf[4999] = 7
`,
    name,
  );
  const segment = new SharedMemory({ name });
  expect([segment.size, segment.buf![4999]]).toEqual([5000, 7]);
  segment.buf![0] = 8;
  const said = python('s = SharedMemory(name); leave(s); print(s.buf[0])', name);
  expect(said).toBe('8');
  segment.close();
  segment.unlink();
  expect(exists(name)).toBe(false);
});

withPython('ShareableList: made here, read and changed by Python', () => {
  const items = ['howdy', Buffer.from('HoWdY'), -273.154, 100, null, true, 42, 'é'.repeat(7)];
  const list = new ShareableList([...items, 2n ** 63n - 1n, -0, '']);
  made.add(list.shm.name);
  const said = python(
    `
l = ShareableList(name=name)
leave(l.shm)
print(list(l), l.format)
l[0] = 'python'; l[1] = None; l[2] = b'12345678'; l[3] = False; l[4] = -5; l[5] = 2.5
l[7] = 'ü' * 8
`,
    list.shm.name,
  );
  expect(said).toBe(
    "['howdy', b'HoWdY', -273.154, 100, None, True, 42, 'ééééééé', 9223372036854775807, -0.0, ''] " +
      '8s8sdqxxxxxx?xxxxxxxx?q16sqd8s',
  );
  expect([...list].slice(0, 8)).toEqual([
    'python',
    null,
    Buffer.from('12345678'),
    false,
    -5,
    2.5,
    42,
    'ü'.repeat(8),
  ]);
});

withPython('ShareableList: made by Python, read and changed here', () => {
  const name = uniqueName();
  python(
    `
l = ShareableList(['howdy', b'HoWdY', -273.154, 2**53, None, True, 42, 'x' * 100, 1.0], name=name)
leave(l.shm)
`,
    name,
  );
  const list = new ShareableList(null, { name });
  expect([...list]).toEqual([
    'howdy',
    Buffer.from('HoWdY'),
    -273.154,
    2n ** 53n,
    null,
    true,
    42,
    'x'.repeat(100),
    1,
  ]);
  expect(list.format).toBe('8s8sdqxxxxxx?xxxxxxxx?q104sd');
  list[0] = 1.5;
  list[1] = 'text';
  list[4] = true;
  list[6] = null;
  list[7] = 2n ** 62n;
  list[8] = Buffer.from([255]);
  const said = python('l = ShareableList(name=name); leave(l.shm); print(list(l), l.format)', name);
  expect(said).toBe(
    "[1.5, 'text', -273.154, 9007199254740992, True, True, None, 4611686018427387904, b'\\xff'] " +
      'd8sdqxxxxxxx?xxxxxxx?xxxxxx?xq8s',
  );
});

withPython('both make the same bytes of the same items', () => {
  const name = uniqueName();
  python(
    `
l = ShareableList(['a', b'bc', 1, -2.5, None, False, True, 'x' * 8], name=name)
leave(l.shm)
`,
    name,
  );
  const theirs = new SharedMemory({ name });
  const ours = new ShareableList(['a', Buffer.from('bc'), 1, -2.5, null, false, true, 'xxxxxxxx']);
  made.add(ours.shm.name);
  expect(ours.shm.buf!.equals(theirs.buf!)).toBe(true);
});
