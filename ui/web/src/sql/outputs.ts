// The last output of each cell, for as long as the browser tab lives: a reload shows
// what was there at once. Rows stay in the tab's own store, never in the lasting one,
// and signing out empties it.
import type { Rows } from '../api/types'

export interface Output { text: string; rows: Rows; ms: number; at: number }

const most = 200 // rows; the rest come with the next run
const prefix = 'forge-output-'

export function keepOutput(project: string, cell: number, o: Output): void {
  try {
    const cut = o.rows.rows.length > most
    sessionStorage.setItem(`${prefix}${project}-${cell}`, JSON.stringify({ ...o, rows: { ...o.rows, rows: o.rows.rows.slice(0, most), truncated: cut || o.rows.truncated } }))
  } catch { /* too large for the store: the cell is run again instead */ }
}

/** lastOutput is what the cell showed, if its text is still the same. */
export function lastOutput(project: string, cell: number, text: string): Output | null {
  try {
    const o = JSON.parse(sessionStorage.getItem(`${prefix}${project}-${cell}`) ?? 'null') as Output | null
    return o && o.text === text && Array.isArray(o.rows?.rows) ? o : null
  } catch {
    return null
  }
}

export function forgetOutputs(): void {
  for (const k of Object.keys(sessionStorage)) if (k.startsWith(prefix)) sessionStorage.removeItem(k)
}
