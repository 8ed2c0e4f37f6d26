'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { Failure } = require('./run');

const oldestNode = [20, 17];

const packages = {
  linux: (names) => `apt-get install ${names} (Debian; other systems name them alike)`,
  darwin: () => 'xcode-select --install',
};

function howToGet(debianNames) {
  const hint = packages[process.platform];
  return hint ? hint(debianNames) : 'install it with your package manager';
}

/** Whether a program of this name (or path) can be run. */
function exists(program) {
  const directories = program.includes('/') ? [''] : process.env.PATH.split(path.delimiter);
  return directories.some((directory) => isExecutable(path.join(directory, program)));
}

function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  throw new Failure(
    `multiproc needs Node ${oldestNode.join('.')} or later to be built, this is ${process.version}.\n` +
      'Get a current one from https://nodejs.org or with a version manager (nvm, fnm, n).',
  );
}

function requireNpm() {
  if (!exists('npm')) {
    throw new Failure(
      `npm is missing. It comes with Node (https://nodejs.org); Debian's own\n` +
        'package has it apart: apt-get install npm',
    );
  }
}

/** The compiler for node-gyp as environment variables: its default is g++, else clang++ is named. */
function compiler() {
  if (process.env.CXX || exists('g++')) return {};
  if (exists('clang++')) return { CC: 'clang', CXX: 'clang++' };
  throw new Failure(`A C++20 compiler (g++ or clang++) is missing: ${howToGet('g++')}`);
}

function requireBuildTools() {
  if (!exists('python3')) throw new Failure(`python3 is missing: ${howToGet('python3')}`);
  if (!exists('make')) throw new Failure(`make is missing: ${howToGet('make')}`);
}

function requireCMake() {
  if (!exists('cmake'))
    throw new Failure('cmake is missing: apt-get install cmake, brew install cmake');
}

module.exports = { compiler, requireBuildTools, requireCMake, requireNode, requireNpm };
