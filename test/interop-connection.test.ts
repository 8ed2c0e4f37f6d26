/** CPython's multiprocessing.connection at the other end. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Connection, EOFError, Pipe, recvHandle, sendHandle } from 'multiproc';

import { addon, pattern } from './lib/pipe';

const hasPython = spawnSync('python3', ['-c', 'import multiprocessing.connection']).status === 0;
if (!hasPython) console.warn('python3 is missing: nothing is tested against it');
const withPython = hasPython ? test : test.skip;

const sizes = [0, 1, 16384, 16385, 65536, 65537, 1_000_000];

/** Python runs the source, with these ends as `c3`, `c4`... */
function python(source: string, ends: readonly Connection[]): ChildProcess {
  const prelude = `
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
import os
sizes = ${JSON.stringify(sizes)}
def pattern(n): return bytes((i * 31 + (i >> 8)) & 255 for i in range(n))
${ends
  .map((end, i) => {
    const flags = [end.readable, end.writable].map((flag) => (flag ? 'True' : 'False'));
    return `c${i + 3} = Connection(${i + 3}, ${flags.join(', ')})`;
  })
  .join('\n')}
`;
  const child = spawn('python3', ['-c', prelude + source], {
    stdio: ['ignore', 'inherit', 'inherit', ...ends.map((end) => end.fileno())],
  });
  for (const end of ends) end.close();
  return child;
}

async function expectSuccess(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) await once(child, 'exit');
  expect(child.exitCode).toBe(0);
}

describe.each([[true], [false]])('duplex: %s', (duplex) => {
  withPython('bytes from Python', async () => {
    const [reader, writer] = Pipe(duplex);
    const child = python('for n in sizes: c3.send_bytes(pattern(n))', [writer]);
    for (const size of sizes) expect(reader.recvBytes().equals(pattern(size))).toBe(true);
    expect(() => reader.recvBytes()).toThrow(EOFError);
    reader.close();
    await expectSuccess(child);
  });

  withPython('bytes to Python', async () => {
    const [reader, writer] = Pipe(duplex);
    const source = `
for n in sizes: assert c3.recv_bytes() == pattern(n), n
try: c3.recv_bytes()
except EOFError: pass
else: raise AssertionError('no EOFError')`;
    const child = python(source, [reader]);
    for (const size of sizes.slice(0, 4)) writer.sendBytes(pattern(size));
    for (const size of sizes.slice(4)) await writer.sendBytesAsync(pattern(size));
    writer.close();
    await expectSuccess(child);
  });
});

withPython('back and forth, asynchronously', async () => {
  const [a, b] = Pipe();
  const child = python('for n in sizes: c3.send_bytes(c3.recv_bytes())', [b]);
  for (const size of sizes) {
    const sending = a.sendBytesAsync(pattern(size));
    expect((await a.recvBytesAsync()).equals(pattern(size))).toBe(true);
    await sending;
  }
  a.close();
  await expectSuccess(child);
});

withPython('C197: handles, both ways', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'multiproc-'));
  const file = join(directory, 'file');
  const [a, b] = Pipe();
  const source = `
fd = recv_handle(c3)
os.write(fd, b'from Python')
send_handle(c3, fd, None)`;
  const child = python(source, [b]);
  const fd = openSync(file, 'w');
  sendHandle(a, fd);
  closeSync(fd);
  const back = recvHandle(a);
  addon.writeAll(back, Buffer.from(', and back'));
  closeSync(back);
  a.close();
  expect(readFileSync(file, 'utf8')).toBe('from Python, and back');
  rmSync(directory, { recursive: true });
  await expectSuccess(child);
});
