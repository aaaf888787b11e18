import { expect, test } from 'vitest'
import type { Flow, FlowDoc, Operator } from '../api/types'
import { arrange, order } from './arrange'
import { edges, edit, fits, moved, offers, open, reaches, unsaved, type Draft, type Edit } from './document'

const table: Operator = { id: 'lake.table@1', title: 'Read', group: 'Data', out: [{ name: 'table', title: 'table', type: 'table' }] }
const clean: Operator = { id: 'recipe.apply@1', title: 'Clean', group: 'Prepare', in: [{ name: 'table', title: 'table', type: 'table' }], out: [{ name: 'table', title: 'table', type: 'table' }] }
const train: Operator = { id: 'train.automl@1', title: 'Train', group: 'Models', in: [{ name: 'set', title: 'set', type: 'trainingset' }], out: [{ name: 'model', title: 'model', type: 'model' }] }
const ops = new Map([table, clean, train].map((o) => [o.id, o]))
const flowOf = (nodes: Flow['nodes']): Flow => ({ apiVersion: 'aiforge.dev/v1', kind: 'Pipeline', metadata: { name: 'f' }, nodes })
const docOf = (flow: Flow): FlowDoc => ({ flow, layout: { nodes: {} }, revision: 1, by: '', at: '' })
const start = open(docOf(flowOf({})))
const run = (d: Draft, ...all: Edit[]) => all.reduce(edit, d)
const wire = (from: string, to: string): Edit => ({ type: 'connect', edge: { from, out: 'table', to, in: 'table' } })
const two = run(start, { type: 'add', op: table }, { type: 'add', op: clean }, wire('table', 'apply'))

test('nodes get readable ids and wiring stands at the consumer', () => {
  expect(Object.keys(two.flow.nodes)).toEqual(['table', 'apply'])
  expect(two.flow.nodes.apply!.in).toEqual({ table: 'table.table' })
  expect(Object.keys(run(two, { type: 'add', op: table }).flow.nodes)).toContain('table_2')
  expect(edges(two.flow)).toEqual([{ from: 'table', out: 'table', to: 'apply', in: 'table' }])
})

test('removing a node takes its wires along', () => {
  const d = run(two, { type: 'remove', ids: ['table'] })
  expect(d.flow.nodes.apply!.in).toEqual({})
  expect(d.places.table).toBeUndefined()
})

test('a circle cannot be wired', () => {
  const three = run(two, { type: 'add', op: clean }, wire('apply', 'apply_2'))
  expect(run(three, wire('apply_2', 'apply'))).toBe(three)
  expect(run(three, wire('apply', 'apply'))).toBe(three)
  expect(reaches(three.flow, 'table', 'apply_2')).toBe(true)
  expect(fits(three.flow, ops, { from: 'apply_2', out: 'table', to: 'apply', in: 'table' })).toBe(false)
})

test('only ports of one type fit', () => {
  const d = run(two, { type: 'add', op: train })
  expect(fits(d.flow, ops, { from: 'apply', out: 'table', to: 'automl', in: 'set' })).toBe(false)
  expect(offers(d.flow, ops, 'automl')).toEqual([])
})

test('offers name free inputs first and what would be replaced', () => {
  const d = run(two, { type: 'add', op: table })
  expect(offers(d.flow, ops, 'apply')).toEqual([{ edge: { from: 'table_2', out: 'table', to: 'apply', in: 'table' }, replaces: true }])
})

test('undo and redo walk the same way back, through 500 random edits', () => {
  let seed = 7
  const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n
  let d = start
  const seen = [d.flow]
  for (let i = 0; i < 60; i++) {
    const ids = Object.keys(d.flow.nodes)
    const pick = () => ids[random(ids.length)] ?? 'none'
    const all: Edit[] = [{ type: 'add', op: [table, clean, train][random(3)]! }, wire(pick(), pick()), { type: 'config', id: pick(), field: 'a', value: i }, { type: 'title', id: pick(), title: String(i) }]
    const next = edit(d, all[random(all.length)]!)
    if (next !== d) seen.push(next.flow)
    d = next
  }
  for (let i = seen.length - 2; i >= 0; i--) { d = edit(d, { type: 'undo' }); expect(d.flow).toBe(seen[i]) }
  expect(edit(d, { type: 'undo' })).toBe(d)
  for (let i = 1; i < seen.length; i++) { d = edit(d, { type: 'redo' }); expect(d.flow).toBe(seen[i]) }
})

test('moving a box changes no meaning', () => {
  const d = run(open(docOf(two.flow)), { type: 'move', places: { table: { x: 5, y: 5 } } })
  expect([unsaved(d), moved(d)]).toEqual([false, true])
})

test('everything stands right of its inputs, also in a circle', () => {
  const p = arrange(two.flow)
  expect(p.apply!.x).toBeGreaterThan(p.table!.x)
  const chain = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`n${i}`, { op: 'x', ...(i ? { in: { i: `n${i - 1}.o` } } : {}) }]))
  const bands = arrange(flowOf(chain))
  expect([bands.n3!.x > bands.n0!.x, bands.n4!.x, bands.n4!.y > bands.n3!.y]).toEqual([true, bands.n0!.x, true])
  expect(order(two.flow)).toEqual(['table', 'apply'])
  expect(Object.keys(arrange(flowOf({ a: { op: 'x', in: { i: 'b.o' } }, b: { op: 'x', in: { i: 'a.o' } } })))).toHaveLength(2)
})
