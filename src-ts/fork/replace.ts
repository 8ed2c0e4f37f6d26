/**
 * Properties of Node's objects that are different in a child. They are prepared in the parent: what
 * a child computes, and above all compiles, costs it page faults, which are most of its start.
 */

interface Replacement {
  target: object;
  name: PropertyKey;
  descriptor: PropertyDescriptor;
}

const replacements: Replacement[] = [];

/** In every child, `target[name]` is replaced by this. */
export function replaceInChildren(
  target: object,
  name: PropertyKey,
  descriptor: Omit<PropertyDescriptor, 'configurable'>,
): void {
  replacements.push({ target, name, descriptor: { ...descriptor, configurable: true } });
}

/** In a child. */
export function replaceAll(): void {
  for (const { target, name, descriptor } of replacements) {
    Object.defineProperty(target, name, descriptor);
  }
}
