// Reading drift reports: which columns, which windows, how far.
import type { Drift, Report } from '../api/types'

export interface Board { columns: string[]; reports: Report[]; value: (column: number, window: number) => number | null }

/** board lines windows up in time and columns by how far they ever moved; the prediction comes first. */
export function board(reports: Report[]): Board {
  const sorted = reports.toSorted((a, b) => Date.parse(a.from) - Date.parse(b.from))
  const most = new Map<string, number>()
  for (const r of sorted) for (const d of r.columns ?? []) most.set(d.column, Math.max(most.get(d.column) ?? 0, psi(d)))
  const columns = [...most.keys()].sort((a, b) => Number(b === 'prediction') - Number(a === 'prediction') || most.get(b)! - most.get(a)!)
  return { columns, reports: sorted, value: (c, w) => { const d = find(sorted[w], columns[c]); return d ? psi(d) : null } }
}

export const psi = (d: Drift) => d.stats?.psi ?? d.effect

export function find(r: Report | undefined, column: string | undefined): Drift | undefined {
  return r?.columns?.find((d) => d.column === column)
}

/** ordered puts what drifted first, the furthest first. */
export const ordered = (r: Report) => (r.columns ?? []).toSorted((a, b) => Number(b.drifted) - Number(a.drifted) || psi(b) - psi(a))

export interface Move { column: string; from: string; to: string; psi: number }

/**
 * moves lists the columns that stand beyond the bound in the newest window, the furthest
 * first, each with the first window of its unbroken stay there.
 */
export function moves(b: Board, bound: number): Move[] {
  const last = b.reports.length - 1
  return b.columns.flatMap((column, c) => {
    let first = -1
    for (let w = last; w >= 0 && (b.value(c, w) ?? 0) >= bound && find(b.reports[w], column)?.drifted; w--) first = w
    return first < 0 ? [] : [{ column, from: b.reports[first]!.from, to: b.reports[first]!.to, psi: b.value(c, last) ?? 0 }]
  }).sort((x, y) => y.psi - x.psi)
}
