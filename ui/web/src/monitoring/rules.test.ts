import { expect, test } from 'vitest'
import type { Report } from '../api/types'
import { board, moves, ordered } from './rules'

const drift = (column: string, psi: number, drifted = false) => ({ column, kind: 'number' as const, stats: { psi }, p_value: 0, effect: psi, drifted, reference: { labels: [], shares: [] }, current: { labels: [], shares: [] } })
const report = (from: string, ...columns: ReturnType<typeof drift>[]): Report => ({ deployment: 'd', model: 'm', version: 1, from, to: from, rows: 1, columns, drifted: [], created: from })

test('windows stand in time, columns by their furthest move, the prediction first', () => {
  const b = board([report('2009-06-01', drift('age', 0.1), drift('euribor', 4)), report('2009-05-01', drift('prediction', 0.3), drift('age', 0.2))])
  expect(b.reports.map((r) => r.from)).toEqual(['2009-05-01', '2009-06-01'])
  expect(b.columns).toEqual(['prediction', 'euribor', 'age'])
  expect(b.value(1, 0)).toBeNull()
  expect(b.value(1, 1)).toBe(4)
})

test('what drifted comes first', () => {
  expect(ordered(report('2009', drift('a', 0.3), drift('b', 0.2, true))).map((d) => d.column)).toEqual(['b', 'a'])
})

test('a move counts from the first window of its unbroken stay beyond the bound', () => {
  const b = board([
    report('2009-05-01', drift('euribor', 1, true), drift('age', 0.4, true)),
    report('2009-06-01', drift('euribor', 0.1), drift('age', 0.4, true)),
    report('2009-07-01', drift('euribor', 3, true), drift('age', 0.1), drift('few', 0.5)),
    report('2009-08-01', drift('euribor', 4, true), drift('age', 0.1), drift('few', 0.5)),
  ])
  expect(moves(b, 0.2)).toEqual([{ column: 'euribor', from: '2009-07-01', to: '2009-07-01', psi: 4 }])
  expect(moves(board([]), 0.2)).toEqual([])
})
