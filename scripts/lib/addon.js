'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { headerPrefix } = require('./headers');
const { binaries, forkBinary, inRoot, posixBinary } = require('./paths');
const { run, say } = require('./run');
const { fingerprint, isFresh, markFresh } = require('./stamp');
const { compiler, requireBuildTools } = require('./tools');

/** Builds those of the two binaries that the running Node needs and that are out of date. */
function prepareAddon() {
  const { CXX = '', CXXFLAGS = '', LDFLAGS = '' } = process.env;
  const posixPrint = fingerprint(['src-cpp', 'binding.gyp'], [CXX, CXXFLAGS, LDFLAGS]);
  const forkPrint = `${posixPrint} ${process.version}`;
  const stale = [
    { target: 'posix', binary: posixBinary, print: posixPrint },
    { target: 'fork', binary: forkBinary, print: forkPrint },
  ].filter(({ binary, print }) => !isFresh(binary, print, [path.join(binaries, binary)]));
  if (stale.length === 0) return;
  requireBuildTools();
  const environment = { ...nodeGypEnvironment(), ...compiler() };
  const targets = stale.map(({ target }) => target);
  say(`building the addon (${targets.join(', ')}) for Node ${process.version}`);
  dropBuildOfAnotherNode();
  nodeGyp(['configure', 'build', ...targets, '--jobs=max', '--loglevel=error'], environment);
  for (const { target, binary, print } of stale) {
    install(inRoot('build', 'Release', `${target}.node`), path.join(binaries, binary));
    markFresh(binary, print);
  }
}

/** Objects of another Node would be taken for up to date when its headers have older dates. */
function dropBuildOfAnotherNode() {
  const note = inRoot('build', 'node-version');
  if (fs.existsSync(note) && fs.readFileSync(note, 'utf8') === process.version) return;
  fs.rmSync(inRoot('build'), { recursive: true, force: true });
  fs.mkdirSync(inRoot('build'));
  fs.writeFileSync(note, process.version);
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

function nodeGyp(args, environment) {
  const program = inRoot('node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  run(process.execPath, [program, ...args], { env: environment });
}

/** Replaces a binary by rename: overwriting it would crash the processes that have it mapped. */
function install(from, to) {
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.copyFileSync(from, `${to}.new`);
  fs.renameSync(`${to}.new`, to);
}

module.exports = { install, prepareAddon };
