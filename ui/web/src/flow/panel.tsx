// What the chosen step is set to: its name, its fields, its wires and what it made.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { tableQuery } from '../api/queries'
import type { FlowProblem, NodeEvent, Operator } from '../api/types'
import { Button, buttonClass, Field } from '../design/kit'
import { SpecForm } from '../design/specform'
import { t, tryT } from '../i18n'
import { edges, titleOf, type Draft, type Edit } from './document'
import { StateLine } from './state'

export function Panel({ id, draft, ops, state, problems, may, tell, onConnect, onRemove, onRunFrom }: { id: string; draft: Draft; ops: Map<string, Operator>; state?: NodeEvent; problems: FlowProblem[]; may: boolean; tell: (e: Edit) => void; onConnect: () => void; onRemove: () => void; onRunFrom: () => void }) {
  const n = draft.flow.nodes[id]
  const op = ops.get(n?.op ?? '')
  const table = upstreamTable(draft, ops, id)
  const columns = useQuery({ ...tableQuery(table ?? ''), enabled: !!table, retry: false }).data?.schema.columns
  if (!n) return null
  const errors = Object.fromEntries(problems.filter((p) => p.path?.startsWith('config.')).map((p) => [p.path!.slice(7), p.text]))
  const wires = edges(draft.flow).filter((e) => e.to === id || e.from === id)
  return (
    <div className="grid gap-5">
      {op?.doc && <p className="text-[13px] text-ink-2">{op.doc}</p>}
      {state && <div className="rounded-lg bg-sunken px-3 py-2 text-[13px]"><StateLine state={state} />{state.message && state.state === 'failed' && <p className="mt-1">{state.message}</p>}</div>}
      {state?.out && <Made out={state.out} />}
      <fieldset disabled={!may} className="grid min-w-0 gap-4">
        <Field label={t('flow.name')}>{(p) => <input {...p} className="input" value={n.title ?? ''} placeholder={op?.title} onChange={(e) => tell({ type: 'title', id, title: e.target.value })} />}</Field>
        {op?.fields && op.fields.length > 0 && <SpecForm fields={op.fields} values={n.config ?? {}} columns={columns} errors={errors} onChange={(field, value) => tell({ type: 'config', id, field, value })} />}
      </fieldset>
      <div>
        <h3 className="mb-1.5 text-[13px] font-medium">{t('flow.wires')}</h3>
        {wires.length === 0 && <p className="text-[13px] text-ink-2">{t('flow.noWires')}</p>}
        <ul className="grid gap-1">{wires.map((e) => {
          const other = titleOf(draft.flow.nodes[e.to === id ? e.from : e.to], ops)
          return <li key={`${e.to}.${e.in}`} className="flex items-center justify-between gap-2 rounded-lg bg-sunken py-0.5 pr-1 pl-3 text-[13px]"><span className="min-w-0 truncate">{e.to === id ? t('flow.takes', { step: other }) : t('flow.gives', { step: other })}</span>{may && <Button small look="quiet" onClick={() => tell({ type: 'disconnect', to: e.to, in: e.in })}>{t('remove')}</Button>}</li>
        })}</ul>
        {problems.filter((p) => !p.path?.startsWith('config.')).map((p, i) => <p key={i} className="mt-1.5 text-[13px] text-warn">{p.text}</p>)}
      </div>
      {may && (
        <div className="flex flex-wrap gap-2 border-t border-line pt-4">
          <Button small icon="link" onClick={onConnect}>{t('flow.do.connect')}</Button>
          <Button small icon="play" onClick={onRunFrom}>{t('flow.runFrom')}</Button>
          <Button small look="quiet" icon="trash" onClick={onRemove}>{t('flow.do.remove')}</Button>
        </div>
      )}
    </div>
  )
}

/** Made links to what a step left behind. */
function Made({ out }: { out: NonNullable<NodeEvent['out']> }) {
  const links = Object.values(out).flatMap((v) => {
    const d = v.data ?? {}
    const name = String(d.table ?? d.model ?? d.name ?? '')
    if (!name) return []
    if (v.type === 'table' || v.type === 'trainingset') return [<Link key={name} to="/data/$table" params={{ table: String(d.table ?? name) }} className={buttonClass('plain', true)}>{t('flow.openMade', { what: String(d.table ?? name) })}</Link>]
    if (v.type === 'model') return [<Link key={name} to="/models/$model" params={{ model: name }} className={buttonClass('plain', true)}>{t('flow.openMade', { what: tryT('flow.port.model', 'model').toLowerCase() })}</Link>]
    if (v.type === 'deployment') return [<Link key={name} to="/endpoints/$name" params={{ name }} className={buttonClass('plain', true)}>{t('flow.tryMade')}</Link>]
    return []
  })
  return links.length ? <div className="flex flex-wrap gap-2">{links}</div> : null
}

/** upstreamTable is the table that a step's columns come from: its own, or that of the nearest step before it. */
function upstreamTable(d: Draft, ops: Map<string, Operator>, id: string, depth = 0): string | undefined {
  const n = d.flow.nodes[id]
  if (!n || depth > 20) return undefined
  const own = n.config?.table ?? (depth > 0 ? n.config?.to : undefined)
  if (typeof own === 'string' && own.includes('.')) return own
  for (const v of Object.values(n.in ?? {})) {
    const found = upstreamTable(d, ops, v.split('.')[0]!, depth + 1)
    if (found) return found
  }
  return undefined
}
