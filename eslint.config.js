'use strict';

const js = require('@eslint/js');
const { defineConfig } = require('eslint/config');
const globals = require('globals');
const tseslint = require('typescript-eslint');

const typed = {
  files: ['src-ts/**/*.ts', 'test/**/*.ts'],
  extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
  languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: __dirname } },
  rules: {
    '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    '@typescript-eslint/no-empty-function': 'off',
    // The compiler's noUncheckedIndexedAccess cannot know which index is good.
    '@typescript-eslint/no-non-null-assertion': 'off',
    // The package is CommonJS, and an addon is loaded by require().
    '@typescript-eslint/no-require-imports': 'off',
    '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
  },
};

// Tests hold values of any type, and take shortcuts that the library must not.
const relaxedInTests = {
  files: ['test/**/*.ts'],
  rules: {
    '@typescript-eslint/no-explicit-any': 'off',
    '@typescript-eslint/no-extraneous-class': 'off',
    '@typescript-eslint/no-unsafe-argument': 'off',
    '@typescript-eslint/no-unsafe-assignment': 'off',
    '@typescript-eslint/no-unsafe-call': 'off',
    '@typescript-eslint/no-unsafe-member-access': 'off',
    '@typescript-eslint/no-unsafe-return': 'off',
  },
};

const plain = {
  files: ['**/*.js'],
  languageOptions: { sourceType: 'commonjs', globals: globals.node },
};

module.exports = defineConfig(
  { ignores: ['dist/', 'build/', 'build-asan/', 'prebuilds/', 'coverage/', '.node-versions/'] },
  js.configs.recommended,
  plain,
  { files: ['**/*.mjs'], languageOptions: { globals: globals.node } },
  typed,
  relaxedInTests,
);
