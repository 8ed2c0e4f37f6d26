/** Runs whole programs as real node processes, the way a user would. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  args?: string[];
  nodeArgs?: string[];
  env?: NodeJS.ProcessEnv;
  /** A command that runs the program: `node` and its arguments are appended. */
  via?: string[];
  /** Seconds until the program and all that it started are killed, which fails the test. */
  deadline?: number;
}

/** Runs `test/programs/<name>`; its own process group, so that nothing outlives the deadline. */
export function runProgram(name: string, options: RunOptions = {}): Promise<Ended> {
  return runNode([join(__dirname, '..', 'programs', name), ...(options.args ?? [])], options);
}

/** Runs the source text of a program, in which require('multiproc') works. */
export function runSource(source: string, options: RunOptions = {}): Promise<Ended> {
  return runNode(['-e', source, ...(options.args ?? [])], options);
}

function runNode(args: string[], options: RunOptions): Promise<Ended> {
  const deadline = options.deadline ?? 20;
  return new Promise((resolve, reject) => {
    const node = [process.execPath, ...(options.nodeArgs ?? []), ...args];
    const [command, ...rest] = [...(options.via ?? []), ...node];
    const program = spawn(command!, rest, {
      cwd: join(__dirname, '..'),
      env: { ...process.env, NODE_OPTIONS: '', ...options.env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    program.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    program.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const timer = setTimeout(() => {
      process.kill(-program.pid!, 'SIGKILL');
      reject(new Error(`no end after ${deadline} s; stdout: ${stdout}\nstderr: ${stderr}`));
    }, deadline * 1000);
    program.on('error', reject);
    // Not before every copy of the pipes is closed: also those of forgotten children.
    program.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** Waits for a condition, not for a time. */
export async function until(condition: () => boolean, deadline = 10): Promise<void> {
  const end = Date.now() + deadline * 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`still not after ${deadline} s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
