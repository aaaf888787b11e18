import { expect, test } from 'vitest'
import type { Column, ProfileColumn, Run } from '../api/types'
import { candidates, freeName, timeOf, worth } from './rules'

const col = (name: string, type: string): Column => ({ name, type })
const stat = (name: string, distinct: number, more: Partial<ProfileColumn> = {}): ProfileColumn => ({ name, type: '', rows: 100, nulls: 0, distinct, min: null, max: null, ...more }) as ProfileColumn
const top = (...values: [string, number][]) => ({ top: values.map(([value, count]) => ({ value, count })) })

test('the outcome comes first, what cannot be predicted last with the reason', () => {
  const columns = [col('id', 'long'), col('seen', 'date'), col('age', 'long'), col('plan', 'string'), col('note', 'string'), col('site', 'string'), col('left', 'string')]
  const got = candidates(columns, [stat('id', 100), stat('seen', 50), stat('age', 40, { min: 18, max: 77 }), stat('plan', 3, top(['basic', 50], ['plus', 30], ['pro', 20])), stat('note', 97), stat('site', 1), stat('left', 2, top(['no', 70], ['yes', 30]))], 100)
  expect(Object.fromEntries(got.filter((c) => c.unfit).map((c) => [c.name, c.unfit]))).toEqual({ id: 'key', seen: 'date', note: 'key', site: 'same' })
  expect(got.filter((c) => !c.unfit).map((c) => c.name)).toEqual(['left', 'plan', 'age'])
  expect(got.slice(0, 3).some((c) => c.unfit)).toBe(false)
  expect(got[0]).toMatchObject({ name: 'left', kind: 'classes', classes: [{ name: 'no', share: 0.7 }, { name: 'yes', share: 0.3 }] })
  expect(got.find((c) => c.name === 'age')).toMatchObject({ kind: 'number', range: ['18', '77'] })
})

test('a measure with many different values is a number, not a key', () => {
  const got = candidates([col('radius', 'double'), col('price', 'double')], [stat('radius', 99), stat('price', 100)], 100)
  expect(got.every((c) => c.kind === 'number' && !c.unfit)).toBe(true)
  expect(got[0]!.name).toBe('price')
})

test('a text with more than twenty values is no set of classes, and an empty column is nothing', () => {
  const got = candidates([col('town', 'string'), col('gone', 'string')], [stat('town', 60), stat('gone', 0, { nulls: 100 })], 100)
  expect(Object.fromEntries(got.map((c) => [c.name, c.unfit]))).toEqual({ town: 'text', gone: 'empty' })
})

test('names and times', () => {
  expect(freeName('a', ['b'])).toBe('a')
  expect(freeName('a', ['a', 'a_2'])).toBe('a_3')
  expect(timeOf([col('a', 'string'), col('b', 'timestamptz'), col('c', 'date')])).toBe('b')
  expect(timeOf([col('a', 'time')])).toBeUndefined()
})

test('what a model is worth needs both figures', () => {
  const run = (task: string, metrics: Record<string, number>, baseline: Record<string, number>) => ({ task, metrics, baseline, rows: { train: 1, valid: 1, test: 7 } }) as unknown as Run
  expect(worth(run('binary', { accuracy: 0.95 }, { accuracy: 0.63 }))).toEqual({ kind: 'right', model: 0.95, guess: 0.63, rows: 7 })
  expect(worth(run('regression', { mae: 2 }, { mae: 4 }))).toMatchObject({ kind: 'off', model: 2, guess: 4 })
  expect(worth(run('binary', { accuracy: 0.95 }, {}))).toBeNull()
})
