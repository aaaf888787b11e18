// The canvas: React Flow over the draft. It draws and reports; every rule is in document.ts.
import { Background, MarkerType, Panel, ReactFlow, ReactFlowProvider, useReactFlow, type Connection, type Edge as RFEdge, type IsValidConnection, type Node, type NodeChange, applyNodeChanges } from '@xyflow/react'
import { useEffect, useMemo, useState } from 'react'
import type { FlowProblem, Operator } from '../api/types'
import { isDark } from '../app/theme'
import { Button } from '../design/kit'
import { t } from '../i18n'
import { nodeWidth } from './arrange'
import { edges, fits, titleOf, type Draft, type Edit } from './document'
import type { States } from './live'
import { StepNode, type StepData } from './node'

const kinds = { step: StepNode }

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
  useEffect(() => setNodes((now) => wanted.map((w) => ({ ...now.find((n) => n.id === w.id), ...w }))), [wanted])

  const wires = useMemo(() => edges(draft.flow).map((e): RFEdge => ({
    id: `${e.to}.${e.in}`, type: 'smoothstep', source: e.from, sourceHandle: e.out, target: e.to, targetHandle: e.in,
    className: states[e.to]?.state === 'running' ? 'running' : undefined, markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16 },
    ariaLabel: t('flow.wire', { from: titleOf(draft.flow.nodes[e.from], ops), to: titleOf(draft.flow.nodes[e.to], ops) }),
  })), [draft.flow, ops, states])

  function changed(changes: NodeChange<Node<StepData>>[]) {
    setNodes((now) => applyNodeChanges(changes, now))
    // Arrow keys move a focused node without dragging.
    const stepped = changes.filter((c) => c.type === 'position' && c.dragging === false && c.position)
    if (may && stepped.length) tell({ type: 'move', places: Object.fromEntries(stepped.map((c) => [(c as { id: string }).id, round((c as { position: { x: number; y: number } }).position)])) })
  }
  const valid: IsValidConnection = (c) => fits(draft.flow, ops, { from: c.source, out: c.sourceHandle ?? '', to: c.target, in: c.targetHandle ?? '' })
  const connect = (c: Connection) => tell({ type: 'connect', edge: { from: c.source, out: c.sourceHandle ?? '', to: c.target, in: c.targetHandle ?? '' } })

  return (
    <ReactFlow nodes={nodes} edges={wires} nodeTypes={kinds} onNodesChange={changed} onConnect={connect} isValidConnection={valid} colorMode={isDark() ? 'dark' : 'light'}
      onNodeClick={(_, n) => onSelect(n.id)} onPaneClick={() => onSelect(null)} onNodeDoubleClick={onOpen}
      onEdgesDelete={(gone) => gone.forEach((e) => tell({ type: 'disconnect', to: e.target, in: e.targetHandle ?? '' }))}
      nodesDraggable={may} nodesConnectable={may} edgesFocusable={false} deleteKeyCode={null} selectNodesOnDrag={false}
      connectionRadius={32} snapToGrid snapGrid={[10, 10]} minZoom={0.15} maxZoom={1.75} fitView fitViewOptions={{ padding: 0.12, maxZoom: 1 }} onlyRenderVisibleElements={nodes.length > 40}
      ariaLabelConfig={{ 'node.a11yDescription.default': t('flow.a11yNode'), 'edge.a11yDescription.default': t('flow.a11yEdge') }}>
      <Background gap={20} size={1.2} />
      <Zoom />
      <Refit count={nodes.length} tidied={tidied} narrow={selected !== null} />
    </ReactFlow>
  )
}

/** Zoom says in words what its buttons do. */
function Zoom() {
  const flow = useReactFlow()
  return (
    <Panel position="bottom-left" className="flex rounded-lg border border-line bg-surface shadow-card" role="group" aria-label={t('flow.view')}>
      <Button small look="quiet" icon="plus" onClick={() => void flow.zoomIn()}>{t('flow.zoomIn')}</Button>
      <Button small look="quiet" icon="minus" onClick={() => void flow.zoomOut()}>{t('flow.zoomOut')}</Button>
      <Button small look="quiet" icon="fit" onClick={() => void flow.fitView({ padding: 0.12, maxZoom: 1 })}>{t('flow.fit')}</Button>
    </Panel>
  )
}

/** Refit shows the whole flow again when a step came or went, when it was laid out anew, and when the settings take part of the canvas. */
function Refit({ count, tidied, narrow }: { count: number; tidied: number; narrow: boolean }) {
  const flow = useReactFlow()
  useEffect(() => {
    const timer = setTimeout(() => void flow.fitView({ padding: 0.12, maxZoom: 1, duration: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 200 }), 60)
    return () => clearTimeout(timer)
  }, [flow, count, tidied, narrow])
  return null
}

const round = (p: { x: number; y: number }) => ({ x: Math.round(p.x), y: Math.round(p.y) })
