/**
 * Connections that the parent keeps open for its next request, by http.Agent or fetch(): a child
 * that used one would write into the parent's conversation and never see the answer.
 */

import type { Agent } from 'node:http';

import { registerAtFork } from '../at-fork';
import { main } from '../realm';

registerAtFork({
  child() {
    for (const name of ['http', 'https'] as const) {
      if (isLoaded(name)) forgetSockets((require(name) as typeof import('node:http')).globalAgent);
    }
    replaceDispatcher();
  },
});

/** Loading a module in a child only to find nothing in it would cost milliseconds. */
function isLoaded(builtin: string): boolean {
  const { moduleLoadList } = main.process as unknown as { moduleLoadList: string[] };
  return moduleLoadList.includes(`NativeModule ${builtin}`);
}

function forgetSockets(agent: Agent): void {
  const none = (): object => Object.create(null) as object;
  Object.assign(agent, {
    sockets: none(),
    freeSockets: none(),
    requests: none(),
    totalSocketCount: 0,
  });
}

/** fetch() finds its pool of connections under a symbol, once it has been used. */
function replaceDispatcher(): void {
  const globals = main as unknown as Record<symbol, { constructor: new () => object }>;
  for (const key of Object.getOwnPropertySymbols(main)) {
    if (!key.description?.startsWith('undici.globalDispatcher')) continue;
    const { constructor } = globals[key]!;
    if (constructor.name === 'Agent') Object.assign(main, { [key]: new constructor() });
  }
}
