/** `array[i]` for classes with get() and set(). */

interface Indexed {
  get(index: number): unknown;
  set(index: number, value: unknown): void;
}

/**
 * The proxy is among the prototypes, where only what the object does not have is looked for: own
 * properties and methods are as fast as ever.
 */
export function addIndexSyntax(prototype: object): void {
  const parent = Object.getPrototypeOf(prototype) as object;
  Object.setPrototypeOf(prototype, new Proxy(Object.create(parent) as object, handler));
}

const handler: ProxyHandler<object> = {
  get(target, key, receiver: Indexed): unknown {
    const index = indexOf(key);
    return index === undefined ? Reflect.get(target, key, receiver) : receiver.get(index);
  },
  set(target, key, value, receiver: Indexed) {
    const index = indexOf(key);
    if (index === undefined) return Reflect.set(target, key, value, receiver);
    receiver.set(index, value);
    return true;
  },
};

function indexOf(key: string | symbol): number | undefined {
  return typeof key === 'string' && /^-?\d+$/.test(key) ? Number(key) : undefined;
}
