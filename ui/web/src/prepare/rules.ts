// The recipe editor's rules: (recipe, event) → recipe.
import type { FieldSpec, Recipe, RecipePreview, Step, StepSpec } from '../api/types'

export type Edit =
  | { type: 'load'; recipe: Recipe }
  | { type: 'set'; at: number; field: string; value: unknown }
  | { type: 'add'; do: string; at?: number }
  | { type: 'remove'; at: number }
  | { type: 'move'; at: number; by: 1 | -1 }
  | { type: 'to'; table: string }
  | { type: 'name'; name: string }

export function edit(r: Recipe | null, e: Edit): Recipe | null {
  if (e.type === 'load') return e.recipe
  if (!r) return r
  switch (e.type) {
    case 'set': return { ...r, steps: r.steps.map((s, i) => (i === e.at ? withField(s, e.field, e.value) : s)) }
    case 'add': return { ...r, steps: r.steps.toSpliced(e.at ?? r.steps.length, 0, { do: e.do }) }
    case 'remove': return { ...r, steps: r.steps.toSpliced(e.at, 1) }
    case 'move': {
      const to = e.at + e.by
      if (to < 0 || to >= r.steps.length) return r
      const steps = [...r.steps]
      ;[steps[e.at], steps[to]] = [steps[to]!, steps[e.at]!]
      return { ...r, steps }
    }
    case 'to': return { ...r, to: e.table }
    case 'name': return { ...r, name: e.name }
  }
}

function withField(s: Step, field: string, value: unknown): Step {
  const next: Step = { ...s, [field]: value }
  if (value === undefined) delete next[field]
  return next
}

/** empty is a recipe for a table without steps. */
export function empty(table: string): Recipe {
  const name = table.split('.')[1] ?? table
  return { name, from: table, to: `curated.${name}`, steps: [] }
}

export const sources = (r: Recipe) => (Array.isArray(r.from) ? r.from : [r.from])

/** specsOf reads specs under the names a server may give their parts. */
export function specsOf(raw: unknown[]): StepSpec[] {
  return raw.map((x) => {
    const o = x as Record<string, unknown>
    const kind = String(o.do ?? o.kind ?? o.name ?? o.id ?? '')
    return { do: kind, title: String(o.title ?? kind), help: (o.help ?? o.doc ?? o.summary) as string | undefined, fields: (o.fields ?? []) as FieldSpec[] }
  })
}

/**
 * differs says which cells of after differ from before. Rows are found again by the
 * numbers that the server gave them; without those only equal counts are compared.
 */
export function differs(p: RecipePreview): (row: number, column: number) => boolean {
  const names = p.columns.map((c) => c.name)
  const from = p.after_columns.map((c) => names.indexOf(c.name))
  const numbered = p.before_rows?.length && p.after_rows?.length
  const at = numbered ? new Map(p.before_rows!.map((n, i) => [n, i])) : null
  const twin = (row: number) => (at ? at.get(p.after_rows![row]!) : p.before?.length === p.after?.length ? row : undefined)
  return (row, column) => {
    const i = from[column]!
    if (i < 0) return true // a new column
    const was = twin(row)
    return was !== undefined && JSON.stringify(p.before[was]?.[i] ?? null) !== JSON.stringify(p.after[row]?.[column] ?? null)
  }
}
