import { expect, test } from 'vitest'
import { folded, layout, readable } from './rules'

const ref = (s: string) => { const [kind, id] = s.split(':'); return { kind: kind!, id: id! } }
const edge = (from: string, to: string) => ({ from: ref(from), to: ref(to), by: 'x', at: '' })

test('everything stands right of what it was made from', () => {
  const p = layout({ nodes: [], edges: [edge('file:a', 'snapshot:b'), edge('snapshot:b', 'trainingset:c'), edge('view:v', 'trainingset:c'), edge('file:a', 'trainingset:c'), edge('file:a', 'snapshot:b')] })
  const column = Object.fromEntries(p.nodes.map((n) => [n.key, n.column]))
  expect(column).toEqual({ 'file:a': 0, 'view:v': 1, 'snapshot:b': 1, 'trainingset:c': 2 })
  expect(p.links).toHaveLength(4)
})

test('what has one name is one node', () => {
  const at = (s: string, title: string, when: string) => ({ ref: ref(s), title, at: when })
  const g = folded({ nodes: [at('file:1', '70b08a9e83c30f278aa', '1'), at('file:2', 'fa4a0f083159be13c9e', '2'), at('snapshot:raw.calls@1', 'raw.calls, snapshot 1', '1'), at('snapshot:raw.calls@2', 'raw.calls, snapshot 2', '2')], edges: [edge('file:1', 'snapshot:raw.calls@1'), edge('file:2', 'snapshot:raw.calls@2'), edge('snapshot:raw.calls@1', 'snapshot:raw.calls@2')] })
  expect(g.nodes.map((n) => [n.ref.kind, n.title, n.at, g.times.get(`${n.ref.kind}:${n.ref.id}`)])).toEqual([['file', '', '2', 2], ['snapshot', 'raw.calls', '2', 2]])
  expect(layout(g).links).toHaveLength(1)
})

test('few files have their names, many are one', () => {
  const file = (n: number) => ({ ref: ref(`file:${n}`), title: `calls-${n}.csv (c9aa04e5…)`, at: String(n) })
  const names = (n: number) => folded({ nodes: Array.from({ length: n }, (_, i) => file(i)), edges: [] }).nodes.map((x) => x.title)
  expect(names(3)).toEqual(['calls-0.csv', 'calls-1.csv', 'calls-2.csv'])
  expect(names(4)).toEqual([''])
})

test('a circle ends', () => {
  expect(layout({ nodes: [], edges: [edge('a:1', 'b:1'), edge('b:1', 'a:1')] }).nodes).toHaveLength(2)
})

test('no hash is shown', () => {
  expect(readable('snapshot', 'raw.calls@8123456789012')).toBe('raw.calls')
  expect(readable('run', 'run_5f0c5f0c5f0c5f0c5f0c')).toBe('')
  expect(readable('snapshot', 'raw.calls, snapshot 3712312')).toBe('raw.calls')
  expect(readable('recipe', 'calls@3a6e1da9607c2786')).toBe('calls')
  expect(readable('file', '70b08a9e83c30f278aa')).toBe('')
  expect(readable('file', 'c9aa04e5…')).toBe('')
  expect(readable('file', 'calls (1).csv (c9aa04e5…)')).toBe('calls (1).csv')
  expect(readable('topic', 'table.raw.calls, offsets 0 to 9')).toBe('raw.calls')
  expect(readable('view', 'market@1')).toBe('market@1')
  expect(readable('model', 'calls/3')).toBe('calls/3')
})
