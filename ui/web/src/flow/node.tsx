// A step on the canvas: what it is for, its ports, and how it stands.
import { Handle, Position, useStore, type NodeProps, type Node, type ReactFlowState } from '@xyflow/react'
import { memo } from 'react'
import type { FlowProblem, NodeEvent, Operator } from '../api/types'
import { Icon } from '../design/icon'
import { cx } from '../design/kit'
import { t, tryT } from '../i18n'
import { groupIcon } from './groups'
import { StateLine } from './state'
import { farZoom } from './window'

export interface StepData extends Record<string, unknown> { title: string; op?: Operator; unknown: string; state?: NodeEvent; problems: FlowProblem[]; wired: string[] }

export const portColour: Record<string, string> = { table: 'var(--c-ref)', features: 'var(--c-3)', trainingset: 'var(--c-5)', model: 'var(--c-cur)', deployment: 'var(--c-4)', report: 'var(--info)' }

const isFar = (s: ReactFlowState) => s.transform[2] < farZoom

export const StepNode = memo(function StepNode({ data, selected, isConnectable }: NodeProps<Node<StepData>>) {
  const { op, state } = data
  const far = useStore(isFar) // too small to read: the same shape from fewer elements
  const ins = op?.in ?? [], outs = op?.out ?? []
  return (
    <div className={cx('w-[236px] [contain:layout_style] rounded-[14px] border bg-surface shadow-card transition-[border-color]', selected ? 'border-accent ring-2 ring-accent/30' : data.problems.length ? 'border-warn' : state?.state === 'failed' ? 'border-bad' : 'border-line-strong/50')}>
      <div className="flex items-start gap-2.5 px-3.5 pt-3 pb-2">
        <span className="grid size-8 shrink-0 place-items-center rounded-lg bg-accent-soft text-accent-strong">{!far && <Icon name={groupIcon(op?.group)} size={17} />}</span>
        <div className="min-w-0"><div className="truncate text-[13.5px] leading-snug font-semibold" title={data.title}>{data.title}</div><div className="truncate text-[12px] text-ink-2">{op ? (op.title === data.title ? tryT(`flow.group.${op.group}`, op.group) : op.title) : t('flow.unknownOp', { op: data.unknown })}</div></div>
      </div>
      {(ins.length > 0 || outs.length > 0) && (
        <div className="grid grid-cols-2 gap-x-2 px-3.5 pb-2 text-[11.5px] text-ink-2">
          <div>{ins.map((p) => <div key={p.name} className="relative -ml-3.5 truncate pl-3.5 leading-6" title={tryT(`flow.port.${p.type}`, p.type)}><Handle id={p.name} type="target" position={Position.Left} isConnectable={isConnectable} style={{ background: data.wired.includes(p.name) ? portColour[p.type] : 'var(--surface)', borderColor: portColour[p.type] ?? 'var(--line-strong)', top: 12 }} />{far ? '\u00a0' : p.title || p.name}</div>)}</div>
          <div className="text-right">{outs.map((p) => <div key={p.name} className="relative -mr-3.5 truncate pr-3.5 leading-6" title={tryT(`flow.port.${p.type}`, p.type)}><Handle id={p.name} type="source" position={Position.Right} isConnectable={isConnectable} style={{ background: portColour[p.type] ?? 'var(--line-strong)', borderColor: 'var(--surface)', top: 12 }} />{far ? '\u00a0' : p.title || p.name}</div>)}</div>
        </div>
      )}
      {(state || data.problems.length > 0) && <div className="border-t border-line px-3.5 py-1.5 text-[12px]">{data.problems.length > 0 && (!state || state.state !== 'running') ? <span className="line-clamp-2 text-warn">{data.problems[0]!.text}</span> : <StateLine state={state} />}</div>}
    </div>
  )
})
