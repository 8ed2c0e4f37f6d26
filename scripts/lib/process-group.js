'use strict';

const fs = require('node:fs');

/** The living members of a process group, from /proc; none on systems that have no /proc. */
function members(group) {
  if (!fs.existsSync('/proc/self/stat')) return [];
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(describe)
    .filter((process) => process && process.group === group && process.state !== 'Z');
}

function describe(pid) {
  const stat = read(pid, 'stat');
  if (!stat) return undefined;
  // The program's name, in parentheses, may contain anything.
  const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid: Number(pid),
    parent: Number(parent),
    group: Number(group),
    state,
    waitsIn: read(pid, 'wchan'),
    command: read(pid, 'cmdline').split('\0').join(' ').trim(),
  };
}

/** A file below /proc/<pid>, '' when the process is gone. */
function read(pid, name) {
  try {
    return fs.readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** One line for each process, for people. */
function format(processes) {
  return processes
    .map(({ pid, parent, state, waitsIn, command }) => {
      return `  pid ${pid} (parent ${parent}) ${state} ${waitsIn}: ${command.slice(0, 160)}`;
    })
    .join('\n');
}

function killGroup(group) {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

module.exports = { format, killGroup, members };
