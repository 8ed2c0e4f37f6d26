/** Coverage (NODE_V8_COVERAGE, c8): a child ends by _exit(2), which would lose what it counted. */

import { takeCoverage } from 'node:v8';

import { registerAtFork } from '../at-fork';
import { forker } from '../native';

registerAtFork({
  child() {
    if (process.env['NODE_V8_COVERAGE']) forker().onExit(() => takeCoverage());
  },
});
