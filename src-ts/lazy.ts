/** Last import of the package: the end of what eager.ts began. */

import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--lazy');
