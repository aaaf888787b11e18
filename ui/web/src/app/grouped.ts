/** grouped is Map.groupBy, which browsers of 2023 and Node 20 lack. */
export function grouped<T, K>(list: Iterable<T>, key: (x: T) => K): Map<K, T[]> {
  const out = new Map<K, T[]>()
  for (const x of list) {
    const k = key(x)
    const held = out.get(k)
    if (held) held.push(x)
    else out.set(k, [x])
  }
  return out
}
