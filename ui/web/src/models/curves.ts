// Curves as the trainer wrote them, whatever their exact shape, turned into points.
import type { Curves } from '../api/types'

export type Point = [number, number]

const pairs: Record<string, [string[], string[]]> = {
  roc: [['fpr', 'x', 'false_positive_rate'], ['tpr', 'y', 'true_positive_rate']],
  pr: [['recall', 'x'], ['precision', 'y']],
  calibration: [['score', 'predicted', 'mean_predicted', 'x'], ['share', 'observed', 'fraction', 'y']],
}

/** pointsOf reads {x: [], y: []}, [{x, y}], [[x, y]] and the usual names of the axes. */
export function pointsOf(curves: Curves | undefined, kind: string): Point[] {
  const raw = curves?.[kind]
  if (!raw || typeof raw !== 'object') return []
  const [xs, ys] = pairs[kind] ?? [['x'], ['y']]
  if (Array.isArray(raw)) return raw.map((p) => point(p, xs, ys)).filter(whole)
  const o = raw as Record<string, unknown>
  const x = pick(o, xs), y = pick(o, ys)
  if (Array.isArray(x) && Array.isArray(y)) return x.map((v, i): Point => [Number(v), Number(y[i])]).filter(whole)
  return Array.isArray(o.points) ? o.points.map((p) => point(p, xs, ys)).filter(whole) : []
}

function point(p: unknown, xs: string[], ys: string[]): Point {
  if (Array.isArray(p)) return [Number(p[0]), Number(p[1])]
  const o = (p ?? {}) as Record<string, unknown>
  return [Number(pick(o, xs)), Number(pick(o, ys))]
}

const whole = (p: Point) => Number.isFinite(p[0]) && Number.isFinite(p[1])
const pick = (o: Record<string, unknown>, names: string[]) => o[names.find((n) => o[n] !== undefined) ?? '']

/** importanceOf lists features, most important first: {name: value}, [{feature, importance}] or two lists. */
export function importanceOf(curves: Curves | undefined): { name: string; value: number }[] {
  const raw = curves?.importance
  if (!raw || typeof raw !== 'object') return []
  const names = ['feature', 'name', 'column'], values = ['importance', 'value', 'mean', 'gain', 'drop']
  let out: { name: string; value: number }[]
  if (Array.isArray(raw)) {
    out = raw.map((r) => (Array.isArray(r) ? { name: String(r[0]), value: Number(r[1]) } : { name: String(pick(r as Record<string, unknown>, names)), value: Number(pick(r as Record<string, unknown>, values)) }))
  } else {
    const o = raw as Record<string, unknown>
    const n = pick(o, ['features', 'names', 'columns', ...names]), v = pick(o, ['importances', 'values', ...values])
    out = Array.isArray(n) && Array.isArray(v) ? n.map((name, i) => ({ name: String(name), value: Number(v[i]) })) : Object.entries(o).map(([name, value]) => ({ name, value: Number(value) }))
  }
  return out.filter((i) => i.value > 0).sort((a, b) => b.value - a.value)
}

export interface Confusion { classes: string[]; rows: number[][] }

export function confusionOf(curves: Curves | undefined): Confusion | null {
  const raw = curves?.confusion as Partial<Confusion> | undefined
  return Array.isArray(raw?.classes) && Array.isArray(raw.rows) && raw.rows.length === raw.classes.length ? (raw as Confusion) : null
}
