/**
 * Asynchronous compilation of WebAssembly. V8 finishes in the child what it began in the parent; the
 * code that waits for it is the parent's. (fetch() may be among that: it compiles its parser.)
 */

import { forker } from '../native';
import { realms } from '../realm';

/** TypeScript knows it as a part of the web only. */
interface HasWebAssembly {
  WebAssembly: Record<'compile' | 'instantiate', (...args: unknown[]) => Promise<unknown>>;
}

/** The promises of this process. V8 does not tell when one was made, so its maker does. */
let own = new WeakSet<object>();

for (const { WebAssembly } of realms as unknown as HasWebAssembly[]) {
  for (const name of ['compile', 'instantiate'] as const) {
    Object.defineProperty(WebAssembly, name, {
      configurable: true,
      enumerable: true,
      writable: true,
      value: new Proxy(WebAssembly[name], {
        apply(compile, self, args) {
          const promise = Reflect.apply(compile, self, args);
          own.add(promise);
          return promise;
        },
      }),
    });
  }
}

/** In a child, before its event loop turns. */
export function abandonWasm(): void {
  const inherited = own;
  own = new WeakSet();
  forker().onWasm((promise) => !inherited.has(promise));
}
