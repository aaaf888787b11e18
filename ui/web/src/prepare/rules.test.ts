import { expect, test } from 'vitest'
import { differs, edit, empty } from './rules'

test('steps are added, set, moved and removed', () => {
  let r = empty('raw.calls')
  expect(r.to).toBe('curated.calls')
  r = edit(r, { type: 'add', do: 'trim' })!
  r = edit(r, { type: 'add', do: 'mask' })!
  r = edit(r, { type: 'set', at: 1, field: 'columns', value: ['a'] })!
  r = edit(r, { type: 'move', at: 1, by: -1 })!
  expect(r.steps).toEqual([{ do: 'mask', columns: ['a'] }, { do: 'trim' }])
  expect(edit(r, { type: 'move', at: 0, by: -1 })).toBe(r)
  r = edit(r, { type: 'set', at: 0, field: 'columns', value: undefined })!
  expect(r.steps[0]).toEqual({ do: 'mask' })
  expect(edit(r, { type: 'remove', at: 0 })!.steps).toEqual([{ do: 'trim' }])
})

const col = (name: string) => ({ name, type: 'string' })

test('changed cells are marked by column name', () => {
  const d = differs({ columns: [col('id'), col('text')], before: [[1, ' a '], [2, 'b']], before_rows: [], after_columns: [col('text'), col('id'), col('new')], after: [['a', 1, true], ['b', 2, false]], steps: [] })
  expect(d(0, 0)).toBe(true)
  expect(d(1, 0)).toBe(false)
  expect(d(0, 1)).toBe(false)
  expect(d(0, 2)).toBe(true)
})

test('rows are found again by their numbers', () => {
  const d = differs({ columns: [col('id')], before: [['x'], ['y']], before_rows: [7, 9], after_columns: [col('id')], after: [['y'], ['X']], after_rows: [9, 7], steps: [] })
  expect(d(0, 0)).toBe(false)
  expect(d(1, 0)).toBe(true)
})

test('rows that no longer stand side by side are not compared', () => {
  expect(differs({ columns: [col('id')], before: [[1], [2]], before_rows: [], after_columns: [col('id')], after: [[2]], steps: [] })(0, 0)).toBe(false)
})
