'use strict';

/** @type {import('jest').Config} */
module.exports = {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testEnvironment: 'node',
  globalSetup: '<rootDir>/scripts/lib/jest-global-setup.js',
  // Tests use the built package, as a user does.
  moduleNameMapper: {
    '^multiproc$': '<rootDir>/dist/index.js',
    '^multiproc/(.+)$': '<rootDir>/dist/$1.js',
  },
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } }],
  },
  testTimeout: 30_000,
  maxWorkers: 2,
};
