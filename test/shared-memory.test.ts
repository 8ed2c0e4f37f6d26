import { constants } from 'node:fs';

import { FileExistsError, FileNotFoundError, OSError, Process, SharedMemory } from 'multiproc';
import { createShared } from 'multiproc/mapping';
import { deserialize, serialize } from 'multiproc/serialization';
import * as subpath from 'multiproc/shared-memory';

import { errorOf, exitcodeOf, expectNoChildren } from './lib/child';
import { runSource } from './lib/run';
import { exists, removeSegments, uniqueName } from './lib/segments';

const made = new Set<string>();

/** A new segment, unlinked after the test. */
function create(options: { name?: string; size?: number; track?: boolean } = {}): SharedMemory {
  const segment = new SharedMemory({ create: true, size: 512, ...options });
  made.add(segment.name);
  return segment;
}

function copyOf(value: unknown): any {
  const { buffer, length } = serialize(value);
  return deserialize(Buffer.from(buffer.subarray(0, length)));
}

afterEach(() => {
  removeSegments(made);
  made.clear();
  expectNoChildren();
});

test('multiproc/shared-memory has the names of the root', () => {
  expect(subpath.SharedMemory).toBe(SharedMemory);
  expect(Object.keys(subpath).sort()).toEqual(['ShareableList', 'SharedMemory']);
});

describe('creating and attaching', () => {
  test('C221: a NUL in the name', () => {
    const text = 'ValueError: embedded null character';
    expect(errorOf(() => new SharedMemory({ name: 'a\0b' }))).toBe(text);
    expect(errorOf(() => create({ name: 'a\0b' }))).toBe(text);
  });

  test('C222: name, size, buf and the text for people', () => {
    const name = uniqueName();
    const segment = create({ name, size: 513 });
    expect([segment.name, segment.size, segment.buf!.length]).toEqual([name, 513, 513]);
    expect(segment.buf!.every((byte) => byte === 0)).toBe(true);
    expect(String(segment)).toBe(`SharedMemory('${name}', size=513)`);
    segment.close();
    expect(String(segment)).toBe(`SharedMemory('${name}', size=513)`);
  });

  test('C223: the second to attach sees writes; the size is ignored then', () => {
    const first = create();
    const second = new SharedMemory({ name: first.name, size: 3 });
    expect(second.size).toBe(512);
    first.buf![0] = 42;
    expect(second.buf![0]).toBe(42);
    second.buf!.write('hello', 100);
    expect(first.buf!.toString('latin1', 100, 105)).toBe('hello');
    second.close();
    expect(first.buf![0]).toBe(42);
    first.close();
  });

  test('Python’s positional arguments', () => {
    const name = uniqueName();
    made.add(name);
    const first = new SharedMemory(name, true, 10, { track: false });
    const second = new SharedMemory(name);
    expect([first.size, second.size]).toEqual([10, 10]);
    const third = new SharedMemory(null, true, 10);
    made.add(third.name);
    expect(third).toMatchObject({ size: 10 });
  });

  test('generated names are Python’s', () => {
    expect(create().name).toMatch(/^psm_[0-9a-f]{8}$/);
  });

  test('C225: a generated name that is taken is not used', () => {
    const taken = create();
    const names = [taken.name, taken.name, uniqueName()];
    made.add(names[2]!);
    const { name } = createShared(() => `/${names.shift()!}`, 10);
    expect(name).toBe(`/${[...made].at(-1)!}`);
    expect(names).toEqual([]);
  });

  test('C226: what exists, what does not, what is unlinked', () => {
    const segment = create();
    const { name } = segment;
    const existing = errorOf(() => create({ name }));
    expect(existing).toBe(`FileExistsError: [Errno 17] File exists: '/${name}'`);
    expect(exists(name)).toBe(true);
    segment.unlink();
    const missing = `FileNotFoundError: [Errno 2] No such file or directory: '/${name}'`;
    expect(errorOf(() => segment.unlink())).toBe(missing);
    expect(errorOf(() => new SharedMemory({ name }))).toBe(missing);
    // The memory lives on.
    segment.buf![0] = 1;
    segment.close();
  });

  test('C227: a subclass may attach or create', () => {
    class Optional extends SharedMemory {
      protected static override readonly flags = constants.O_CREAT | constants.O_RDWR;
    }
    const first = create();
    const second = new Optional({ name: first.name });
    second.buf![3] = 7;
    expect(first.buf![3]).toBe(7);
    expect(String(second)).toBe(`Optional('${first.name}', size=512)`);
  });

  test('a slash before the name is the system’s, not the name’s', () => {
    const name = uniqueName();
    expect(create({ name: `/${name}` }).name).toBe(name);
    expect(new SharedMemory({ name: `/${name}` }).name).toBe(name);
  });

  test('mode 0600', async () => {
    const { statSync } = await import('node:fs');
    expect(statSync(`/dev/shm/${create().name}`).mode & 0o777).toBe(0o600);
  });

  test('attaching to what is empty, or no memory', () => {
    const { name } = create();
    removeSegments([name]);
    class Maker extends SharedMemory {
      protected static override readonly flags = constants.O_CREAT | constants.O_RDWR;
    }
    const text = 'ValueError: cannot mmap an empty file';
    expect(errorOf(() => new Maker({ name }))).toBe(text);
    expect(errorOf(() => new SharedMemory({ name }))).toBe(text);
    require('node:fs').unlinkSync(`/dev/shm/${name}`);
  });
});

describe('errors', () => {
  test.each([
    ['', 22],
    ['a/b', 22],
    ['x'.repeat(255), 0],
  ])('C229: the name %j', (name, errno) => {
    const attempt = (): unknown => create({ name });
    if (errno !== 0) {
      expect(errorOf(attempt)).toBe(`OSError: [Errno 22] Invalid argument: '/${name}'`);
      expect(errorOf(() => new SharedMemory({ name }))).toMatch(/^OSError: \[Errno 22\]/);
    }
  });

  test('a name that is too long', () => {
    const name = 'é'.repeat(128);
    const text = 'ValueError: shared memory name too long (max 255 bytes)';
    expect(errorOf(() => create({ name }))).toBe(text);
    expect(errorOf(() => new SharedMemory({ name }))).toBe(text);
  });

  test.each<[any, string]>([
    [{ create: true, size: -1 }, "ValueError: 'size' must be a positive integer"],
    [{ create: true, size: NaN }, "ValueError: 'size' must be a positive integer"],
    [{ create: true, size: 0 }, "ValueError: 'size' must be a positive number different from zero"],
    [{ create: true }, "ValueError: 'size' must be a positive number different from zero"],
    [{ create: false }, "ValueError: 'name' can only be None if create=True"],
    [{}, "ValueError: 'name' can only be None if create=True"],
    [
      { create: true, size: 1.5 },
      'TypeError: Expected an integer for size but received 1.5 of type number',
    ],
    [
      { create: true, size: '9' },
      "TypeError: Expected an integer for size but received '9' of type string",
    ],
    [{ name: 5 }, 'TypeError: Expected a string for name but received 5 of type number'],
    [{ name: 'a', creat: true }, "TypeError: SharedMemory() got an unexpected option 'creat'"],
    [{ create: 1, size: 1 }, 'TypeError: Expected a boolean for create but received 1'],
  ])('C229: %j', (options, text) => {
    expect(errorOf(() => new SharedMemory(options))).toContain(text);
  });

  test('more than a Buffer can have', () => {
    const name = uniqueName();
    const attempt = (): unknown => new SharedMemory({ name, create: true, size: 2 ** 60 });
    expect(errorOf(attempt)).toMatch(/^OverflowError: 'size' is 1152921504606847000, and a Buffer/);
    expect(exists(name)).toBe(false);
  });

  test('classes', () => {
    expect(FileExistsError.prototype).toBeInstanceOf(OSError);
    const error = ((): unknown => {
      try {
        return new SharedMemory({ name: uniqueName() });
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(FileNotFoundError);
    expect(error).toMatchObject({ code: 'ENOENT', errno: -2, syscall: 'shm_open' });
  });
});

describe('the end', () => {
  test('close() empties all views, and may be repeated', () => {
    const segment = create();
    const { buf } = segment;
    const words = new Int32Array(buf!.buffer);
    segment.close();
    expect([segment.buf, buf!.length, words.length, words[0]]).toEqual([null, 0, 0, undefined]);
    words[0] = 1;
    expect(errorOf(() => buf!.fill(1))).toMatch(/^TypeError: .* detached .*ArrayBuffer/);
    segment.close();
    expect([segment.size, exists(segment.name)]).toEqual([512, true]);
  });

  test('disposing closes', async () => {
    const first = create();
    first[Symbol.dispose]();
    const second = new SharedMemory({ name: first.name });
    await second[Symbol.asyncDispose]();
    expect([first.buf, second.buf, exists(first.name)]).toEqual([null, null, true]);
  });

  test('garbage collection closes, and does not unlink', async () => {
    const { stdout, stderr } = await runSource(
      `
      const { SharedMemory } = require('multiproc');
      const fs = require('node:fs');
      const first = new SharedMemory({ create: true, size: 1e6 });
      const { name } = first;
      const mapped = () => fs.readFileSync('/proc/self/maps', 'utf8').split(name).length - 1;
      (() => { for (let i = 0; i < 20; i++) new SharedMemory({ name }); })();
      const most = mapped();
      const collect = () => {
        gc();
        if (mapped() > 1) return setTimeout(collect, 5);
        console.log(most, mapped(), fs.existsSync('/dev/shm/' + name));
        first.unlink();
      };
      collect();
    `,
      { nodeArgs: ['--expose-gc'] },
    );
    expect(stderr).toBe('');
    expect(stdout).toBe('21 1 true\n');
  });

  test('no descriptor stays open', () => {
    const { readdirSync } = require('node:fs');
    create().close();
    const before = readdirSync('/proc/self/fd').length;
    const segments = Array.from({ length: 10 }, () => create());
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
    segments.forEach((segment) => segment.close());
  });
});

describe('between processes', () => {
  test('a child has its parent’s segments, and can attach', () => {
    const segment = create();
    const target = (): void => {
      segment.buf![0] = 1;
      const same = new SharedMemory({ name: segment.name });
      same.buf![1] = 2;
      same.close();
    };
    expect(exitcodeOf(new Process({ target }))).toBe(0);
    expect([...segment.buf!.subarray(0, 3)]).toEqual([1, 2, 0]);
    expect(exists(segment.name)).toBe(true);
  });

  test('a child may unlink what its parent made', () => {
    const segment = create();
    expect(exitcodeOf(new Process({ target: () => segment.unlink() }))).toBe(0);
    expect(exists(segment.name)).toBe(false);
    expect(errorOf(() => segment.unlink())).toMatch(/^FileNotFoundError/);
  });

  test('C230: a serialised segment is the same memory', () => {
    const segment = create();
    const copy = copyOf(segment) as SharedMemory;
    expect(copy).toBeInstanceOf(SharedMemory);
    copy.buf![0] = 1;
    segment.buf![1] = 2;
    expect([...copy.buf!.subarray(0, 2)]).toEqual([1, 2]);
    expect(segment.buf![0]).toBe(1);
    copy.close();
    expect(segment.buf![0]).toBe(1);
  });

  test('C231: one that was unlinked cannot be deserialised', () => {
    const segment = create();
    const { buffer, length } = serialize(segment);
    const bytes = Buffer.from(buffer.subarray(0, length));
    segment.unlink();
    expect(errorOf(() => deserialize(bytes))).toBe(
      `FileNotFoundError: [Errno 2] No such file or directory: '/${segment.name}'`,
    );
  });
});

test('a full file system: an error now, no SIGBUS later, and nothing left', async () => {
  // A small /dev/shm of its own.
  const small =
    'mount -t tmpfs -o size=64k tmpfs /dev/shm 2>/dev/null || { echo no mount; exit 0; }; "$@"';
  const { stdout, stderr } = await runSource(
    `
    const { SharedMemory } = require('multiproc');
    for (const size of [1e6, 65536 * 1.5]) {
      try { new SharedMemory({ create: true, size }); } catch (error) { console.log(error.name, error.code); }
    }
    const half = new SharedMemory({ create: true, size: 40000 });
    try { new SharedMemory({ create: true, size: 40000 }); } catch (error) { console.log(error.code); }
    half.unlink();
    console.log(require('node:fs').readdirSync('/dev/shm'));
  `,
    {
      via: [
        'sh',
        '-c',
        `command -v unshare >/dev/null || { echo no mount; exit 0; }
        exec unshare -m -r sh -c '${small}' sh "$@"`,
        'sh',
      ],
    },
  );
  if (stdout === 'no mount\n' || stderr.startsWith('unshare')) {
    console.warn('no small /dev/shm here: not tested');
    return;
  }
  expect(stderr).toBe('');
  expect(stdout).toBe('OSError ENOSPC\nOSError ENOSPC\nENOSPC\n[]\n');
});
