// The canvas: React Flow over the draft. It draws and reports; every rule is in document.ts.
import { getViewportForBounds, MarkerType, Panel, ReactFlow, ReactFlowProvider, useReactFlow, useStore, useStoreApi, type Connection, type Edge as RFEdge, type IsValidConnection, type Node, type NodeChange, applyNodeChanges } from '@xyflow/react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { FlowProblem, Operator } from '../api/types'
import { isDark } from '../app/theme'
import { Button } from '../design/kit'
import { t } from '../i18n'
import { nodeWidth } from './arrange'
import { edges, fits, titleOf, type Draft, type Edit } from './document'
import { Ground } from './ground'
import type { States } from './live'
import { StepNode, type StepData } from './node'
import { around, frameFor, heightOf, mounted, seen, type Box } from './window'

const kinds = { step: StepNode }
const zooms = { least: 0.15, most: 1.75, fitted: 1, padding: 0.12 }

interface Props { draft: Draft; ops: Map<string, Operator>; states: States; problems: Map<string, FlowProblem[]>; selected: string | null; may: boolean; tidied: number; onSelect: (id: string | null) => void; onOpen: () => void; tell: (e: Edit) => void }

export function Canvas(props: Props) {
  return <ReactFlowProvider><Inner {...props} /></ReactFlowProvider>
}

function Inner({ draft, ops, states, problems, selected, may, tidied, onSelect, onOpen, tell }: Props) {
  const wanted = useMemo(() => Object.entries(draft.flow.nodes).map(([id, n]): Node<StepData> => ({
    id, type: 'step', position: draft.places[id] ?? { x: 0, y: 0 }, selected: id === selected, width: nodeWidth,
    ariaLabel: titleOf(n, ops), domAttributes: { 'aria-roledescription': t('flow.step') },
    data: { title: titleOf(n, ops), op: ops.get(n.op), unknown: n.op, state: states[id], problems: problems.get(id) ?? [], wired: Object.keys(n.in ?? {}).filter((k) => n.in?.[k]) },
  })), [draft.flow, draft.places, ops, states, problems, selected])
  const [nodes, setNodes] = useState(wanted)
  useEffect(() => setNodes((now) => {
    const old = new Map(now.map((n) => [n.id, n]))
    return wanted.map((w) => ({ ...old.get(w.id), ...w }))
  }), [wanted])

  const wiring = useMemo(() => edges(draft.flow), [draft.flow])
  const [start] = useState(() => fitted(nodes, { width: Math.max(320, innerWidth - 264), height: Math.max(240, innerHeight - 140) }))
  const [frame, setFrame] = useState<Box | null>(() => frameFor(null, seen(start, { width: innerWidth, height: innerHeight })))
  const near = useMemo(() => mounted(nodes, wiring, frame, selected), [nodes, wiring, frame, selected])
  const nearNodes = useMemo(() => nodes.filter((n) => near.has(n.id)), [nodes, near])

  const wires = useMemo(() => wiring.filter((e) => near.has(e.from) && near.has(e.to)).map((e): RFEdge => ({
    id: `${e.to}.${e.in}`, type: 'smoothstep', source: e.from, sourceHandle: e.out, target: e.to, targetHandle: e.in,
    className: states[e.to]?.state === 'running' ? 'running' : undefined, markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16 },
    ariaLabel: t('flow.wire', { from: titleOf(draft.flow.nodes[e.from], ops), to: titleOf(draft.flow.nodes[e.to], ops) }),
  })), [draft.flow, wiring, near, ops, states])

  function changed(changes: NodeChange<Node<StepData>>[]) {
    setNodes((now) => applyNodeChanges(changes, now))
    // Arrow keys move a focused node without dragging.
    const stepped = changes.filter((c) => c.type === 'position' && c.dragging === false && c.position)
    if (may && stepped.length) tell({ type: 'move', places: Object.fromEntries(stepped.map((c) => [(c as { id: string }).id, round((c as { position: { x: number; y: number } }).position)])) })
  }
  const valid: IsValidConnection = (c) => fits(draft.flow, ops, { from: c.source, out: c.sourceHandle ?? '', to: c.target, in: c.targetHandle ?? '' })
  const connect = (c: Connection) => tell({ type: 'connect', edge: { from: c.source, out: c.sourceHandle ?? '', to: c.target, in: c.targetHandle ?? '' } })

  return (
    <ReactFlow nodes={nearNodes} edges={wires} nodeTypes={kinds} onNodesChange={changed} onConnect={connect} isValidConnection={valid} colorMode={isDark() ? 'dark' : 'light'}
      onNodeClick={(_, n) => onSelect(n.id)} onPaneClick={() => onSelect(null)} onNodeDoubleClick={onOpen}
      onEdgesDelete={(gone) => gone.forEach((e) => tell({ type: 'disconnect', to: e.target, in: e.targetHandle ?? '' }))}
      nodesDraggable={may} nodesConnectable={may} edgesFocusable={false} deleteKeyCode={null} selectNodesOnDrag={false}
      connectionRadius={32} snapToGrid snapGrid={[10, 10]} minZoom={zooms.least} maxZoom={zooms.most} defaultViewport={start}
      ariaLabelConfig={{ 'node.a11yDescription.default': t('flow.a11yNode'), 'edge.a11yDescription.default': t('flow.a11yEdge') }}>
      <Ground />
      <Frame turn={setFrame} />
      <Zoom all={nodes} />
      <Refit all={nodes} tidied={tidied} narrow={selected !== null} />
    </ReactFlow>
  )
}

/** Frame follows the view and tells only when another part of the flow has to be mounted. */
function Frame({ turn }: { turn: (change: (now: Box | null) => Box | null) => void }) {
  const store = useStoreApi()
  useEffect(() => {
    let now: Box | null = null
    const follow = () => {
      const { transform: [x, y, zoom], width, height } = store.getState()
      if (!width || !height) return // the pane is hidden
      const next = frameFor(now, seen({ x, y, zoom }, { width, height }))
      if (next === now) return
      now = next
      turn(() => next)
    }
    follow()
    return store.subscribe(follow)
  }, [store, turn])
  return null
}

/** fitted is the view that shows all steps, also those that are not mounted. */
function fitted(all: Node[], pane: { width: number; height: number }) {
  const boxes = all.map((n) => ({ ...n.position, width: n.width ?? nodeWidth, height: heightOf(n) }))
  return boxes.length ? getViewportForBounds(around(boxes), pane.width, pane.height, zooms.least, zooms.fitted, zooms.padding) : { x: 0, y: 0, zoom: 1 }
}

function useFit(all: Node[]) {
  const flow = useReactFlow(), store = useStoreApi()
  const latest = useRef(all)
  latest.current = all
  return useCallback((duration = 0) => {
    const { width, height } = store.getState()
    if (width && height) void flow.setViewport(fitted(latest.current, { width, height }), { duration })
  }, [flow, store])
}

/** Zoom says in words what its buttons do. */
function Zoom({ all }: { all: Node[] }) {
  const flow = useReactFlow()
  const fit = useFit(all)
  return (
    <Panel position="bottom-left" className="flex rounded-lg border border-line bg-surface shadow-card" role="group" aria-label={t('flow.view')}>
      <Button small look="quiet" icon="plus" onClick={() => void flow.zoomIn()}>{t('flow.zoomIn')}</Button>
      <Button small look="quiet" icon="minus" onClick={() => void flow.zoomOut()}>{t('flow.zoomOut')}</Button>
      <Button small look="quiet" icon="fit" onClick={() => fit()}>{t('flow.fit')}</Button>
    </Panel>
  )
}

/** Refit shows the whole flow again when a step came or went, when it was laid out anew, and when the settings take part of the canvas. */
function Refit({ all, tidied, narrow }: { all: Node[]; tidied: number; narrow: boolean }) {
  const fit = useFit(all)
  const drawn = useStore((s) => s.width > 0) // a phone turned, or a window widened, brings the canvas up later
  useEffect(() => {
    const timer = setTimeout(() => fit(matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 200), 60)
    return () => clearTimeout(timer)
  }, [fit, drawn, all.length, tidied, narrow])
  return null
}

const round = (p: { x: number; y: number }) => ({ x: Math.round(p.x), y: Math.round(p.y) })
