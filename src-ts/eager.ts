/**
 * First import of the package: from here to lazy.ts, V8 compiles whole files instead of each function
 * at its first call. Much of this library runs in children only; every child would have to compile it
 * anew, which would be a third of the time that it takes to start one.
 */

// What is loaded with other flags does without Node's code cache, so Node's own modules come first.
import 'node:async_hooks';
import 'node:buffer';
import 'node:crypto';
import 'node:fs';
import 'node:module';
import 'node:os';
import 'node:path';
import 'node:util';
import 'node:util/types';
import 'node:worker_threads';

import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--no-lazy');
