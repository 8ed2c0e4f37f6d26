/** Sockets and servers of Node's, which a child may get as arguments. */

/** The part of net.Socket, net.Server and dgram.Socket that knows the descriptor. */
interface HasHandle {
  _handle?: { fd?: unknown } | null;
}

/** The descriptors of those values that are sockets or servers. */
export function descriptorsIn(values: readonly unknown[]): number[] {
  return values.map(descriptorOf).filter((fd) => fd >= 0);
}

function descriptorOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return -1;
  const fd = (value as HasHandle)._handle?.fd;
  return typeof fd === 'number' ? fd : -1;
}
