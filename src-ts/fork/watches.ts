/** Descriptors that the parent waits for: its callbacks are not the child's. */

import { registerAtFork } from '../at-fork';
import { posix } from '../native';

registerAtFork({ child: () => posix.forgetWatches() });
