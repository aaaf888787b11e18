// Own layout: columns by the longest way from a source, rows by where the inputs stand.
// A long flow goes on in a second band below, as a line of text does, so that all of
// it can be read at once.
import type { Flow } from '../api/types'
import { grouped } from '../app/grouped'

export const nodeWidth = 236
const stepX = 296
const stepY = 156
const bandGap = 60
const bandWidth = 4 // columns

export function order(flow: Flow): string[] {
  const depth = depths(flow)
  return Object.keys(flow.nodes).sort((a, b) => depth.get(a)! - depth.get(b)! || a.localeCompare(b))
}

function sources(flow: Flow, id: string): string[] {
  return Object.values(flow.nodes[id]?.in ?? {}).filter(Boolean).map((v) => v.split('.')[0]!).filter((s) => flow.nodes[s])
}

function depths(flow: Flow): Map<string, number> {
  const depth = new Map<string, number>()
  const walk = (id: string, path: Set<string>): number => {
    const known = depth.get(id)
    if (known !== undefined) return known
    if (path.has(id)) return 0 // a circle; the server names it
    path.add(id)
    const d = Math.max(-1, ...sources(flow, id).map((s) => walk(s, path))) + 1
    path.delete(id)
    depth.set(id, d)
    return d
  }
  for (const id of Object.keys(flow.nodes)) walk(id, new Set())
  return depth
}

export function arrange(flow: Flow): Record<string, { x: number; y: number }> {
  const depth = depths(flow)
  const columns = grouped(Object.keys(flow.nodes), (id) => depth.get(id)!)
  const rows = new Map<string, number>()
  const out: Record<string, { x: number; y: number }> = {}
  const levels = [...columns.keys()].sort((a, b) => a - b)
  const bands = Math.ceil(levels.length / bandWidth)
  const perBand = Math.ceil(levels.length / bands)
  let top = 40
  for (const d of levels) {
    const band = Math.floor(d / perBand)
    const tallest = Math.max(1, ...levels.filter((x) => Math.floor(x / perBand) === band).map((x) => columns.get(x)!.length))
    const ids = columns.get(d)!
    const pull = (id: string) => {
      const from = sources(flow, id).map((s) => rows.get(s) ?? 0)
      return from.length ? from.reduce((a, b) => a + b, 0) / from.length : 0
    }
    ids.sort((a, b) => pull(a) - pull(b) || a.localeCompare(b))
    ids.forEach((id, i) => {
      const row = i + (tallest - ids.length) / 2
      rows.set(id, row)
      out[id] = { x: 40 + (d % perBand) * stepX, y: Math.round(top + row * stepY) }
    })
    if (d % perBand === perBand - 1) top += tallest * stepY + bandGap
  }
  return out
}
