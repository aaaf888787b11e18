// From what was typed to what is sent.
import type { Input, Prediction } from '../api/types'
import { grouped } from '../app/grouped'

export type Row = Record<string, string | number | null>

/** rowOf sends numbers as numbers; an empty cell is missing. */
export function rowOf(inputs: Input[], typed: Record<string, string>): Row {
  return Object.fromEntries(inputs.map((i) => [i.name, valueOf(i, typed[i.name] ?? '')]))
}

function valueOf(i: Input, text: string): string | number | null {
  if (text.trim() === '') return null
  if (i.type !== 'float') return text
  const n = Number(text.replace(',', '.'))
  return Number.isFinite(n) ? n : text // the server says what is wrong with it
}

/** wrong names the numbers that are none. */
export const wrong = (inputs: Input[], typed: Record<string, string>) => inputs.filter((i) => i.type === 'float' && typed[i.name]?.trim() && !Number.isFinite(Number(typed[i.name]!.replace(',', '.')))).map((i) => i.name)

export function curl(origin: string, name: string, body: unknown): string {
  return `curl ${origin}/v1/predict/${name} \\\n  -H "Authorization: Bearer $FORGE_TOKEN" \\\n  -H "Content-Type: application/json" \\\n  -d '${JSON.stringify(body, null, 2).replaceAll("'", "'\\''")}'`
}

/** classes lists the scores of an answer, the highest first. */
export function classes(p: Prediction): { name: string; value: number }[] {
  return Object.entries(p.scores ?? {}).map(([name, value]) => ({ name, value })).sort((a, b) => b.value - a.value)
}

/** groups puts inputs that come from the same view together, in the order of the signature. */
export function groups(inputs: Input[]): [string, Input[]][] {
  return [...grouped(inputs, (i) => i.view ?? '')]
}
