// What can be predicted of a table, and what a run came to, in words for people who do
// not program. Nothing here draws.
import type { Column, ProfileColumn, Run } from '../api/types'
import { isNumber } from '../design/format'

export type Unfit = 'empty' | 'same' | 'key' | 'text' | 'date' | 'few'
export interface Candidate { name: string; kind: 'classes' | 'number'; classes: { name: string; share: number }[]; range?: [string, string]; unfit?: Unfit; points: number }

/** mostClasses is how many different answers a model is offered to choose among. */
export const mostClasses = 20
const outcome = /^(target|label|outcome|result|class|diagnosis|y|churn(ed)?|left|subscribed|revenue|converted|bought|purchased|won|fraud|default(ed)?|approved|survived|status|price|sales|demand|score|returned|cancel(l?ed)?|.*_(flag|label|outcome|result))$/i
const key = /(^|[_\s-])(id|no|nr|number|key|uuid|code|index)$/i

/**
 * candidates looks at every column: what a model would answer there, and why it cannot
 * where it cannot. The most sensible comes first: a name that speaks of an outcome,
 * few different answers, the last column of the file.
 */
export function candidates(columns: Column[], profile: ProfileColumn[], rows: number): Candidate[] {
  const by = new Map(profile.map((p) => [p.name, p]))
  const all = columns.map((c, i) => candidate(c, by.get(c.name), rows, i, columns.length))
  return all.sort((a, b) => Number(!!a.unfit) - Number(!!b.unfit) || b.points - a.points)
}

function candidate(c: Column, p: ProfileColumn | undefined, rows: number, at: number, of: number): Candidate {
  const number = isNumber(c.type)
  const distinct = p?.distinct ?? 0
  const present = rows - (p?.nulls ?? 0)
  const top = p?.top ?? []
  const few = distinct > 1 && distinct <= (number ? 2 : mostClasses)
  const kind = number && !few ? 'number' : 'classes'
  const classes = kind === 'classes' ? top.slice(0, 4).map((v) => ({ name: String(v.value ?? ''), share: present ? v.count / present : 0 })) : []
  const range: [string, string] | undefined = kind === 'number' ? [String(p?.min ?? ''), String(p?.max ?? '')] : undefined
  const whole = c.type === 'long' || c.type === 'int'
  const unfit: Unfit | undefined = present === 0 ? 'empty'
    : distinct === 1 ? 'same'
      : /^(date|time)/.test(c.type) ? 'date'
        : present < 20 ? 'few'
          : (whole || !number) && (distinct > 0.9 * present) && (!number || key.test(c.name) || at === 0) ? 'key'
            : !number && distinct > mostClasses ? 'text' : undefined
  const points = (outcome.test(c.name) ? 8 : 0) + (kind === 'classes' ? (distinct === 2 ? 4 : 2) : 0) + (at === of - 1 ? 3 : 0) - (key.test(c.name) ? 6 : 0) + at / (of * 10)
  return { name: c.name, kind, classes, range, unfit, points }
}

/** timeOf is the first column that says when a row happened: later rows then test what earlier ones taught. */
export const timeOf = (columns: Column[]) => columns.find((c) => /^(date$|timestamp)/.test(c.type))?.name

/** freeName is a name that no flow, model or endpoint has yet. */
export function freeName(wanted: string, taken: Iterable<string>): string {
  const all = new Set(taken)
  for (let i = 1; ; i++) {
    const name = i === 1 ? wanted : `${wanted.slice(0, 58)}_${i}`
    if (!all.has(name)) return name
  }
}

export interface Worth { kind: 'right' | 'off'; model: number; guess: number; rows: number }

/** worth says how good a model is in a figure that needs no explanation: of 100 cases so many right, or off by so much on average. */
export function worth(run: Run): Worth | null {
  const name = run.task === 'regression' ? 'mae' : 'accuracy'
  const model = run.metrics?.[name], guess = run.baseline?.[name]
  if (model === undefined || guess === undefined || !Number.isFinite(model) || !Number.isFinite(guess)) return null
  return { kind: name === 'mae' ? 'off' : 'right', model, guess, rows: run.rows.test }
}
