// @vitest-environment jsdom
import { beforeEach, expect, test } from 'vitest'
import { forgetOutputs, keepOutput, lastOutput } from './outputs'
import { csv, edit, keep, lines, load, note } from './cells'

beforeEach(() => localStorage.clear())

test('cells are added after, moved and removed; the last one is only emptied', () => {
  let c = edit([{ id: 1, kind: 'sql' as const, text: 'a' }], { type: 'add', after: 1, kind: 'note' })
  c = edit(c, { type: 'add', after: 1, kind: 'sql', text: 'b' })
  expect(c.map((x) => x.id)).toEqual([1, 3, 2])
  c = edit(c, { type: 'move', id: 2, by: -1 })
  expect(c.map((x) => x.id)).toEqual([1, 2, 3])
  c = edit(edit(c, { type: 'remove', id: 1 }), { type: 'remove', id: 2 })
  expect(edit(c, { type: 'remove', id: 3 })).toEqual([{ id: 3, kind: 'sql', text: '', chart: undefined }])
})

test('a broken store is no notebook', () => {
  keep('p', [{ id: 1, kind: 'sql', text: 'x' }])
  expect(load('p')).toHaveLength(1)
  expect(load('other')).toBeNull()
  localStorage.setItem('forge-notebook-p', '{"a":')
  expect(load('p')).toBeNull()
  localStorage.setItem('forge-notebook-p', '[{"id":"x"}]')
  expect(load('p')).toBeNull()
})

test('export quotes what must be quoted', () => {
  expect(csv(['a', 'b'], [[1, 'x,"y"'], [null, 'l\nm']])).toBe('a,b\r\n1,"x,""y"""\r\n,"l\nm"\r\n')
})

test('a formula in a cell or a heading is only text in the export, a number is a number', () => {
  const dangerous = ['=1+1', '+1+1', '-1+1', '@SUM(A1)', '\t=1', '\r=1', '=cmd|" /C calc"!A0', '-', '+49 30 1', '-2e']
  const cells = csv(['=x'], dangerous.map((v) => [v])).split('\r\n')
  expect(cells[0]).toBe("'=x")
  dangerous.forEach((v, i) => expect(cells[i + 1]!.replace(/^"/, '').startsWith(`'${v[0]}`), v).toBe(true))
  expect(csv(['n'], [[-5], ['-12345678901234567890'], ['a=b'], ['+1.5']])).toBe('n\r\n-5\r\n-12345678901234567890\r\na=b\r\n+1.5\r\n')
})

test('rows as JSON keep nulls, and columns of one name apart', () => {
  expect(JSON.parse(lines(['a', 'a', 'b'], [[1, 2, null], ['=x', undefined, {}]]))).toEqual([{ a: 1, a_2: 2, b: null }, { a: '=x', a_2: null, b: {} }])
  expect(JSON.parse(lines(['a'], []))).toEqual([])
})

test('the last output is shown again for the same text, until somebody signs out', () => {
  const rows = { columns: [{ name: 'a', type: 'long' }], rows: Array.from({ length: 300 }, (_, i) => [i]) }
  keepOutput('p', 1, { text: 'select', rows, ms: 5, at: 9 })
  expect(lastOutput('p', 1, 'select')).toMatchObject({ ms: 5, at: 9, rows: { truncated: true } })
  expect(lastOutput('p', 1, 'select')!.rows.rows).toHaveLength(200)
  expect(lastOutput('p', 1, 'select 2')).toBeNull()
  expect(lastOutput('q', 1, 'select')).toBeNull()
  forgetOutputs()
  expect(lastOutput('p', 1, 'select')).toBeNull()
})

test('notes', () => {
  expect(note('# T\n- **a** `b`')).toEqual([{ kind: 'h', runs: [{ text: 'T' }] }, { kind: 'li', runs: [{ text: 'a', bold: true }, { text: ' ' }, { text: 'b', code: true }] }])
})
