// Laying a lineage graph out from left to right.
import type { LineageGraph, Ref } from '../api/types'

export interface Placed { key: string; kind: string; id: string; title: string; at?: string; column: number; row: number }
export interface Picture { nodes: Placed[]; links: { from: string; to: string; by: string }[]; columns: number; rows: number }

const keyOf = (r: Ref | string) => (typeof r === 'string' ? r : `${r.kind}:${r.id}`)

/** So many files are drawn by name; more are drawn as one. */
const filesByName = 3

/**
 * folded puts what a person would call by one name into one node: eight files that
 * went into one table, the snapshots of a table one after the other.
 */
export function folded(g: LineageGraph): LineageGraph & { times: Map<string, number> } {
  const named = new Map(g.nodes.map((n) => [keyOf(n.ref), n.title || '']))
  const times = new Map<string, number>()
  const newest = new Map<string, LineageGraph['nodes'][number]>()
  const name = (r: Ref) => readable(r.kind, named.get(keyOf(r)) || r.id)
  const many = new Set(g.nodes.filter((n) => n.ref.kind === 'file').map((n) => name(n.ref))).size > filesByName
  const same = (r: Ref): Ref => ({ kind: r.kind, id: r.kind === 'file' && many ? '' : name(r) })
  for (const n of g.nodes) {
    const ref = same(n.ref), k = keyOf(ref), held = newest.get(k)
    times.set(k, (times.get(k) ?? 0) + 1)
    if (!held || (n.at ?? '') > (held.at ?? '')) newest.set(k, { ...n, ref, title: ref.id })
  }
  const edges = g.edges.map((e) => ({ ...e, from: same(e.from), to: same(e.to) })).filter((e) => keyOf(e.from) !== keyOf(e.to))
  return { nodes: [...newest.values()], edges, times }
}

/** layout gives each node the column after the furthest of its sources; equal columns are stacked by their sources' order. */
export function layout(g: LineageGraph): Picture {
  const links = unique(g.edges.map((e) => ({ from: keyOf(e.from), to: keyOf(e.to), by: e.by })))
  const keys = [...new Set([...g.nodes.map((n) => keyOf(n.ref)), ...links.flatMap((l) => [l.from, l.to])])]
  const depth = new Map(keys.map((k) => [k, 0]))
  for (let round = 0; round < keys.length; round++) { // ends early; a circle ends by the bound
    let moved = false
    for (const l of links) {
      const want = depth.get(l.from)! + 1
      if (want > depth.get(l.to)! && want < keys.length) { depth.set(l.to, want); moved = true }
    }
    if (!moved) break
  }
  // What has no source stands just before its first use, so that no line runs behind others.
  for (const k of keys) {
    const uses = links.filter((l) => l.from === k).map((l) => depth.get(l.to)!)
    if (uses.length && !links.some((l) => l.to === k)) depth.set(k, Math.max(0, Math.min(...uses) - 1))
  }
  const titles = new Map(g.nodes.map((n) => [keyOf(n.ref), n]))
  const rowOf = new Map<string, number>()
  const columns = Math.max(0, ...depth.values()) + 1
  const nodes: Placed[] = []
  for (let c = 0; c < columns; c++) {
    const here = keys.filter((k) => depth.get(k) === c).sort((a, b) => pull(a) - pull(b) || a.localeCompare(b))
    here.forEach((k, row) => {
      rowOf.set(k, row)
      const [kind, ...rest] = k.split(':')
      const n = titles.get(k)
      nodes.push({ key: k, kind: kind!, id: rest.join(':'), title: n?.title || rest.join(':'), at: n?.at, column: c, row })
    })
  }
  function pull(k: string) {
    const from = links.filter((l) => l.to === k).map((l) => rowOf.get(l.from) ?? 0)
    return from.length ? from.reduce((a, b) => a + b, 0) / from.length : 0
  }
  return { nodes, links, columns, rows: Math.max(0, ...nodes.map((n) => n.row)) + 1 }
}

function unique(links: { from: string; to: string; by: string }[]) {
  return [...new Map(links.map((l) => [`${l.from}→${l.to}`, l])).values()]
}

/** readable is a node's title as people know it: hashes, offsets and snapshot numbers are not. */
export function readable(kind: string, title: string): string {
  const cut = title.replace(/, (snapshot|offsets?)\b.*$/, '').replace(/@(\d{6,}|[0-9a-f]{8,})$/, '')
  if (kind === 'file' && / \([0-9a-f]{8}…\)$/.test(cut)) return cut.replace(/ \([0-9a-f]{8}…\)$/, '')
  if (/^(sha256:)?[0-9a-f]{10,}…?$/.test(cut) || /^[0-9a-f]{8}…$/.test(cut) || /^[a-z]+_[0-9a-f]{16,}$/.test(cut)) return ''
  return kind === 'topic' ? cut.replace(/^forge\.[^.]+\.[^.]+\./, '').replace(/@.*$/, '').replace(/^table\./, '') : cut
}
