// How a field of a spec is asked for.
import type { FieldSpec } from '../api/types'

export type Kind = 'flag' | 'number' | 'choice' | 'many' | 'column' | 'columns' | 'list' | 'known' | 'sql' | 'object' | 'pairs' | 'long' | 'text'

const kinds: Record<string, Kind> = {
  bool: 'flag', boolean: 'flag', flag: 'flag',
  number: 'number', int: 'number', integer: 'number', long: 'number', float: 'number', double: 'number',
  column: 'column', columns: 'columns',
  list: 'list', strings: 'list', texts: 'list', values: 'list', 'string[]': 'list', array: 'list',
  enum: 'choice', select: 'choice', choice: 'choice', multi: 'many',
  table: 'known', view: 'known', model: 'known', training_set: 'known', 'training-set': 'known', deployment: 'known',
  sql: 'sql', expression: 'text', name: 'text', duration: 'text', column_texts: 'pairs', column_types: 'pairs', column_expressions: 'pairs', document: 'long', object: 'object', map: 'object', json: 'object', any: 'text',
}

/** fieldKind falls back to a line of text: a type that is not known can still be written. */
export function fieldKind(f: FieldSpec): Kind {
  const kind = kinds[f.type?.toLowerCase()] ?? 'text'
  if (optionsOf(f).length) return kind === 'list' || kind === 'many' || kind === 'columns' ? 'many' : 'choice'
  return kind === 'choice' ? 'text' : kind === 'many' ? 'list' : kind
}

export const optionsOf = (f: FieldSpec): string[] => f.options ?? f.choices ?? []

/** toNumber is undefined for an empty text, so that the field is left out. */
export function toNumber(s: string): number | undefined {
  const n = Number(s)
  return s.trim() === '' || !Number.isFinite(n) ? undefined : n
}

export const listText = (v: unknown) => (Array.isArray(v) ? v.map(String).join(', ') : v === undefined || v === null ? '' : String(v))

export function parseList(s: string): string[] | undefined {
  const list = s.split(',').map((x) => x.trim()).filter(Boolean)
  return list.length ? list : undefined
}

/** missing lists the fields that are required and have neither a value nor a default. */
export function missing(fields: FieldSpec[], values: Record<string, unknown>): string[] {
  const empty = (v: unknown) => v === undefined || v === null || v === '' || (Array.isArray(v) && v.length === 0)
  return fields.filter((f) => f.required && empty(values[f.name]) && empty(f.default)).map((f) => f.name)
}

/** pairsOf and fromPairs keep pairs that are not finished yet on the screen, but send only whole ones. */
export const pairsOf = (v: unknown): [string, string][] => (v && typeof v === 'object' && !Array.isArray(v) ? Object.entries(v).map(([k, x]) => [k, String(x ?? '')]) : [])
export function fromPairs(pairs: [string, string][]): Record<string, string> | undefined {
  const whole = pairs.filter(([k, v]) => k !== '' && v !== '')
  return whole.length ? Object.fromEntries(whole) : undefined
}
