'use strict';

const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { install } = require('./addon');
const { headerPrefix } = require('./headers');
const { forkBinary, inRoot, posixBinary, trackerBinary } = require('./paths');
const { Failure, run, say } = require('./run');
const { compiler, requireBuildTools, requireCMake } = require('./tools');

const buildDirectory = inRoot('build-asan');
const binaries = path.join(buildDirectory, 'binaries');

/** Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer into build-asan/binaries. */
function buildSanitized() {
  requireBuildTools();
  requireCMake();
  say(`building the addon with sanitizers for Node ${process.version}`);
  const program = inRoot('node_modules', 'cmake-js', 'bin', 'cmake-js');
  const place = ['build', '--prefer-make', '--out', buildDirectory, '--config', 'Debug'];
  const options = ['--CDMULTIPROC_SANITIZE=ON', `--CDNODE_INCLUDE_DIR=${nodeIncludeDirectory()}`];
  run(process.execPath, [program, ...place, ...options], {
    env: { ...process.env, ...compiler() },
  });
  install(path.join(buildDirectory, 'Debug', 'posix.node'), path.join(binaries, posixBinary));
  install(path.join(buildDirectory, 'Debug', 'fork.node'), path.join(binaries, forkBinary));
  install(path.join(buildDirectory, 'Debug', 'tracker'), path.join(binaries, trackerBinary));
}

function nodeIncludeDirectory() {
  const prefix = headerPrefix();
  if (prefix) return path.join(prefix, 'include', 'node');
  throw new Failure(
    `The headers of Node ${process.version} are not beside its binary. Name the directory that has\n` +
      'include/node in it: npm_config_nodedir=... npm run build:asan',
  );
}

/** What a process needs in its environment to load the sanitized binaries. */
function sanitizedEnvironment() {
  return {
    LD_PRELOAD: compilerFile('libasan.so'),
    // V8 keeps what it allocates until the process ends.
    ASAN_OPTIONS: 'detect_leaks=0',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    MULTIPROC_BINARIES: binaries,
  };
}

/** The path of one of the compiler's own libraries. */
function compilerFile(name) {
  const { CXX = 'g++' } = process.env;
  return execFileSync(CXX, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
}

module.exports = { buildSanitized, sanitizedEnvironment };
