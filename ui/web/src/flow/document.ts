// The flow document's rules: (draft, edit) → draft, with undo. Nothing here draws.
import type { Flow, FlowDoc, FlowNode, Layout, Operator } from '../api/types'
import { arrange } from './arrange'

export type Point = { x: number; y: number }
export interface Edge { from: string; out: string; to: string; in: string }
interface Held { flow: Flow; places: Record<string, Point> }
export interface Draft extends Held { saved: Held; revision: number; past: Held[]; future: Held[] }

export type Edit =
  | { type: 'add'; op: Operator; at?: Point }
  | { type: 'remove'; ids: string[] }
  | { type: 'connect'; edge: Edge }
  | { type: 'disconnect'; to: string; in: string }
  | { type: 'config'; id: string; field: string; value: unknown }
  | { type: 'title'; id: string; title: string }
  | { type: 'move'; places: Record<string, Point> }
  | { type: 'tidy' }
  | { type: 'undo' }
  | { type: 'redo' }
  | { type: 'saved'; doc: FlowDoc }

export function open(doc: FlowDoc): Draft {
  const flow: Flow = { ...doc.flow, nodes: doc.flow.nodes ?? {} }
  const places = { ...arrange(flow), ...doc.layout?.nodes }
  for (const id of Object.keys(places)) if (!flow.nodes[id]) delete places[id]
  const held = { flow, places }
  return { ...held, saved: held, revision: doc.revision, past: [], future: [] }
}

export function edit(d: Draft, e: Edit): Draft {
  switch (e.type) {
    case 'add': {
      const id = freshId(d.flow, e.op.id)
      return change(d, withNode(d.flow, id, { op: e.op.id, config: {} }), { ...d.places, [id]: e.at ?? freePlace(d.places) })
    }
    case 'remove': {
      const gone = new Set(e.ids)
      const nodes = Object.fromEntries(Object.entries(d.flow.nodes).filter(([id]) => !gone.has(id)).map(([id, n]) => [id, without(n, (from) => gone.has(from))]))
      return change(d, { ...d.flow, nodes }, Object.fromEntries(Object.entries(d.places).filter(([id]) => !gone.has(id))))
    }
    case 'connect': {
      const n = d.flow.nodes[e.edge.to]
      if (!n || !d.flow.nodes[e.edge.from] || reaches(d.flow, e.edge.to, e.edge.from)) return d
      return change(d, withNode(d.flow, e.edge.to, { ...n, in: { ...n.in, [e.edge.in]: `${e.edge.from}.${e.edge.out}` } }))
    }
    case 'disconnect': {
      const n = d.flow.nodes[e.to]
      if (!n?.in?.[e.in]) return d
      const { [e.in]: _, ...rest } = n.in
      return change(d, withNode(d.flow, e.to, { ...n, in: rest }))
    }
    case 'config': {
      const n = d.flow.nodes[e.id]
      if (!n) return d
      const config = { ...n.config, [e.field]: e.value }
      if (e.value === undefined) delete config[e.field]
      return change(d, withNode(d.flow, e.id, { ...n, config }))
    }
    case 'title': {
      const n = d.flow.nodes[e.id]
      if (!n) return d
      const { title: _, ...rest } = n
      return change(d, withNode(d.flow, e.id, e.title ? { ...n, title: e.title } : rest))
    }
    case 'move': return change(d, d.flow, { ...d.places, ...e.places })
    case 'tidy': return change(d, d.flow, arrange(d.flow))
    case 'undo': {
      const last = d.past.at(-1)
      return last ? { ...d, ...last, past: d.past.slice(0, -1), future: [hold(d), ...d.future] } : d
    }
    case 'redo': {
      const next = d.future[0]
      return next ? { ...d, ...next, past: [...d.past, hold(d)], future: d.future.slice(1) } : d
    }
    case 'saved': return { ...d, revision: e.doc.revision, saved: { flow: e.doc.flow === d.flow ? d.flow : (e.doc.flow as Flow), places: d.places } }
  }
}

const hold = (d: Held): Held => ({ flow: d.flow, places: d.places })
const keep = 100

function change(d: Draft, flow: Flow, places = d.places): Draft {
  return { ...d, flow, places, past: [...d.past, hold(d)].slice(-keep), future: [] }
}

const withNode = (flow: Flow, id: string, n: FlowNode): Flow => ({ ...flow, nodes: { ...flow.nodes, [id]: n } })

function without(n: FlowNode, gone: (node: string) => boolean): FlowNode {
  return n.in ? { ...n, in: Object.fromEntries(Object.entries(n.in).filter(([, v]) => !gone(v.split('.')[0]!))) } : n
}

/** freshId is the operator's word, numbered where it is taken: train, train_2. */
export function freshId(flow: Flow, op: string): string {
  const word = op.replace(/@.*$/, '').split('.').at(-1)!.replaceAll(/[^a-z0-9]+/g, '_').replace(/^[^a-z]+/, '') || 'step'
  for (let i = 1; ; i++) {
    const id = i === 1 ? word : `${word}_${i}`
    if (!flow.nodes[id]) return id
  }
}

function freePlace(places: Record<string, Point>): Point {
  const all = Object.values(places)
  return all.length ? { x: Math.max(...all.map((p) => p.x)) + 290, y: all.reduce((a, p) => (p.x > a.x ? p : a)).y } : { x: 60, y: 120 }
}

/** edges reads the wiring, which stands at the consumers. */
export function edges(flow: Flow): Edge[] {
  return Object.entries(flow.nodes).flatMap(([to, n]) => Object.entries(n.in ?? {}).filter(([, v]) => v).map(([port, v]) => ({ from: v.split('.')[0]!, out: v.slice(v.indexOf('.') + 1), to, in: port })))
}

/** reaches says whether something flows from a to b (a itself included). */
export function reaches(flow: Flow, a: string, b: string): boolean {
  const all = edges(flow)
  const seen = new Set<string>()
  const walk = (at: string): boolean => at === b || (!seen.has(at) && !!seen.add(at) && all.some((e) => e.from === at && walk(e.to)))
  return walk(a)
}

export const unsaved = (d: Draft) => JSON.stringify(d.flow) !== JSON.stringify(d.saved.flow)
export const moved = (d: Draft) => JSON.stringify(d.places) !== JSON.stringify(d.saved.places)
export const layoutOf = (d: Held): Layout => ({ nodes: Object.fromEntries(Object.keys(d.flow.nodes).map((id) => [id, d.places[id] ?? { x: 0, y: 0 }])) })
export const titleOf = (n: FlowNode | undefined, ops: Map<string, Operator>) => n?.title || ops.get(n?.op ?? '')?.title || n?.op || ''

export interface Offer { edge: Edge; replaces: boolean }

/** offers lists every connection that a node could get: same type, no circle, not there already. Free inputs come first. */
export function offers(flow: Flow, ops: Map<string, Operator>, id: string): Offer[] {
  const n = flow.nodes[id]
  const mine = n && ops.get(n.op)
  if (!mine) return []
  const out: Offer[] = []
  for (const [other, m] of Object.entries(flow.nodes)) {
    const op = ops.get(m.op)
    if (!op || other === id) continue
    for (const o of mine.out ?? []) for (const i of op.in ?? []) if (o.type === i.type) offer({ from: id, out: o.name, to: other, in: i.name })
    for (const o of op.out ?? []) for (const i of mine.in ?? []) if (o.type === i.type) offer({ from: other, out: o.name, to: id, in: i.name })
  }
  function offer(edge: Edge) {
    const now = flow.nodes[edge.to]!.in?.[edge.in]
    if (now === `${edge.from}.${edge.out}` || reaches(flow, edge.to, edge.from)) return
    out.push({ edge, replaces: !!now })
  }
  return out.sort((a, b) => Number(a.replaces) - Number(b.replaces))
}

/** fits is what the canvas asks while a wire is drawn. */
export function fits(flow: Flow, ops: Map<string, Operator>, e: Edge): boolean {
  const o = ops.get(flow.nodes[e.from]?.op ?? '')?.out?.find((p) => p.name === e.out)
  const i = ops.get(flow.nodes[e.to]?.op ?? '')?.in?.find((p) => p.name === e.in)
  return !!o && !!i && o.type === i.type && !reaches(flow, e.to, e.from)
}
