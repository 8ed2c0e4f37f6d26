'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { headerPrefix } = require('./headers');
const { binaries, forkBinary, inRoot, posixBinary, trackerBinary } = require('./paths');
const { run, say } = require('./run');
const { fingerprint, isFresh, markFresh } = require('./stamp');
const { compiler, requireBuildTools } = require('./tools');

/** Builds those of the binaries that the running Node needs and that are out of date. */
function prepareAddon() {
  const stale = [
    {
      target: 'posix',
      output: 'posix.node',
      binary: posixBinary,
      print: print(['addon.cc', 'posix']),
    },
    {
      target: 'fork',
      output: 'fork.node',
      binary: forkBinary,
      print: print(['fork'], process.version),
    },
    { target: 'tracker', output: 'tracker', binary: trackerBinary, print: print(['tracker']) },
  ].filter(({ binary, print }) => !isFresh(binary, print, [path.join(binaries, binary)]));
  if (stale.length === 0) return;
  requireBuildTools();
  const targets = stale.map(({ target }) => target);
  say(`building the addon (${targets.join(', ')}) for Node ${process.version}`);
  nodeGyp(targets);
  for (const { output, binary, print } of stale) {
    install(inRoot('build', 'Release', output), path.join(binaries, binary));
    markFresh(binary, print);
  }
}

/** The fingerprint of all that goes into a binary: `sources` are below src-cpp. */
function print(sources, ...more) {
  const { CXX = '', CXXFLAGS = '', LDFLAGS = '' } = process.env;
  const files = sources.map((name) => path.join('src-cpp', name));
  return fingerprint(['binding.gyp', ...files], [CXX, CXXFLAGS, LDFLAGS, ...more]);
}

/** Builds from scratch: make would trust the dates of sources and of headers. */
function nodeGyp(targets) {
  const program = inRoot('node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const commands = ['clean', 'configure', 'build', ...targets];
  const env = { ...nodeGypEnvironment(), ...compiler() };
  run(process.execPath, [program, ...commands, '--jobs=max', '--loglevel=error'], { env });
}

/** A nodedir in the environment would win over node-gyp's options, whichever Node it belongs to. */
function nodeGypEnvironment() {
  // binding.gyp runs `node`, which need not be in the PATH of whoever runs this script.
  const withNode = [process.env.PATH, path.dirname(process.execPath)].join(path.delimiter);
  const environment = { ...process.env, PATH: withNode };
  delete environment.npm_config_nodedir;
  const prefix = headerPrefix();
  return prefix ? { ...environment, npm_config_nodedir: prefix } : environment;
}

/** Replaces a binary by rename: overwriting it would crash the processes that have it mapped. */
function install(from, to) {
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.copyFileSync(from, `${to}.new`);
  fs.renameSync(`${to}.new`, to);
}

module.exports = { install, prepareAddon };
