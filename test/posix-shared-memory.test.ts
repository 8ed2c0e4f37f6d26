/** Shared memory objects and mappings. */

import { readdirSync } from 'node:fs';

import { FileExistsError, FileNotFoundError, posix, Process } from 'multiproc';

import { errorOf, exitcodeOf, expectNoChildren } from './lib/child';

const { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, O_CREAT, O_EXCL, O_RDWR } = posix;
const { PROT_READ, PROT_WRITE } = posix;
const both = PROT_READ | PROT_WRITE;
const name = `/multiproc-test-${process.pid}`;

afterEach(expectNoChildren);

test('two mappings of one object show the same bytes, also after its name is gone', () => {
  const fd = posix.shmOpen(name, O_CREAT | O_EXCL | O_RDWR);
  expect(() => posix.shmOpen(name, O_CREAT | O_EXCL | O_RDWR)).toThrow(FileExistsError);
  posix.ftruncate(fd, 4096);
  const one = new Uint8Array(posix.mmap(4096, both, MAP_SHARED, fd));
  const two = new Uint8Array(posix.mmap(4096, both, MAP_SHARED, fd));
  posix.close(fd);
  posix.shmUnlink(name);
  one[7] = 42;
  expect(two[7]).toBe(42);
  expect(() => posix.shmUnlink(name)).toThrow(FileNotFoundError);
  expect(readdirSync('/dev/shm')).not.toContain(name.slice(1));
  posix.munmap(one.buffer);
  posix.munmap(two.buffer);
});

test('a child shares MAP_SHARED memory, and has its own copy of MAP_PRIVATE', () => {
  const shared = new Int32Array(posix.mmap(4096, both, MAP_SHARED | MAP_ANONYMOUS));
  const own = new Int32Array(posix.mmap(4096, both, MAP_PRIVATE | MAP_ANONYMOUS));
  const target = (): void => {
    shared[0] = 1;
    own[0] = 1;
  };
  expect(exitcodeOf(new Process({ target }))).toBe(0);
  expect([shared[0], own[0]]).toEqual([1, 0]);
});

test('after munmap() every view is empty, and using one is no crash', () => {
  const buffer = posix.mmap(4096, both, MAP_SHARED | MAP_ANONYMOUS);
  const view = new Uint8Array(buffer);
  posix.munmap(buffer);
  expect([view.length, view[0]]).toEqual([0, undefined]);
  expect(errorOf(() => posix.munmap(buffer))).toBe('ValueError: the buffer was unmapped before');
});

test('bad input', () => {
  expect(errorOf(() => posix.mmap(0))).toBe('ValueError: length must be at least 1');
  expect(errorOf(() => posix.mmap(-1))).toBe('ValueError: length must not be negative: -1');
  expect(errorOf(() => posix.mmap(2 ** 53))).toMatch(/^OverflowError: /);
  expect(errorOf(() => posix.mmap(4096, both, MAP_SHARED, 9999))).toMatch(/Bad file descriptor/);
  expect(errorOf(() => posix.munmap(new ArrayBuffer(8)))).toMatch(/^TypeError: Expected a buffer/);
  expect(errorOf(() => posix.shmOpen('/a\0b', O_RDWR))).toMatch(/^ValueError: embedded null/);
  expect(errorOf(() => posix.shmOpen('/a/b', O_RDWR))).toMatch(/Invalid argument/);
  expect(errorOf(() => posix.shmOpen(`${name}-missing`, O_RDWR))).toMatch(/^FileNotFoundError/);
});
