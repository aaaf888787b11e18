// A flow as it builds a prediction: every step in plain words, then the result and a
// form to try it. The address names the flow, so that the page can be left and come back to.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { get, post, seg } from '../api/http'
import { Problem } from '../api/problem'
import { operatorsQuery } from '../api/queries'
import type { Flow, FlowDoc, Job, NodeEvent, Operator } from '../api/types'
import { useMay } from '../app/session'
import { count, human, millis } from '../design/format'
import { Icon } from '../design/icon'
import { Button, buttonClass, Card, cx, Page, Progress, Spinner } from '../design/kit'
import { Loaded, ProblemNote } from '../design/problem'
import { order } from '../flow/arrange'
import { titleOf } from '../flow/document'
import { useLive, type Live } from '../flow/live'
import { t, tryT } from '../i18n'
import { Outcome } from './outcome'

const route = getRouteApi('/shell/predict/$flow')

export function Built() {
  const { flow: name } = route.useParams()
  const doc = useQuery({ queryKey: ['flows', name], queryFn: ({ signal }) => get<FlowDoc>(`/api/flows/${seg(name)}`, undefined, signal) })
  const ops = useQuery({ ...operatorsQuery, staleTime: Infinity }).data
  const live = useLive(name)
  const flow = doc.data?.flow
  const config = (op: string) => Object.values(flow?.nodes ?? {}).find((n) => n.op.startsWith(op))?.config ?? {}
  const target = String(config('features.training-set@').label ?? ''), table = String(config('lake.table@').table ?? '')
  return (
    <Page title={target ? t('predict.of', { target: human(target) }) : human(name)} lead={table && [t('predict.ofLead', { table }), live.running && t('predict.leave')].filter(Boolean).join(' ')} crumbs={<Link to="/predict" className="hover:underline">{t('predict.nav')}</Link>}
      actions={<Link to="/flow/$name" params={{ name }} className={buttonClass()}><Icon name="flow" />{t('predict.openFlow')}</Link>}>
      <Loaded query={doc} lines={6}>
        {(d) => <div className="grid gap-5"><Steps name={name} flow={d.flow} ops={new Map((ops ?? []).map((o) => [o.id, o]))} live={live} table={table} />{live.job?.state === 'succeeded' && <Outcome states={live.states} flow={d.flow} name={name} />}</div>}
      </Loaded>
    </Page>
  )
}

function Steps({ name, flow, ops, live, table }: { name: string; flow: Flow; ops: Map<string, Operator>; live: Live; table: string }) {
  const may = useMay('write')
  const cache = useQueryClient()
  const start = useMutation({ mutationFn: () => post<Job>(`/api/flows/${seg(name)}/run`, {}), onSuccess: (job) => { live.watch(job); void cache.invalidateQueries({ queryKey: ['jobs'] }) } })
  const cancel = useMutation({ mutationFn: () => post(`/api/jobs/${live.job?.id}/cancel`), onSettled: () => cache.invalidateQueries({ queryKey: ['jobs'] }) })
  const ids = order(flow)
  const word = (id: string) => tryT(`predict.step.${flow.nodes[id]!.op}`, titleOf(flow.nodes[id], ops))
  const done = ids.filter((id) => live.states[id]?.state === 'done').length
  const state = live.job?.state
  const broken = ids.find((id) => live.states[id]?.state === 'failed')
  if (state === 'succeeded') return <p role="status" className="flex items-center gap-2 font-medium text-good"><Icon name="check" />{t('predict.done')}</p>
  return (
    <Card className="p-6">
      {live.running && <div className="mb-5 grid gap-2"><Progress value={ids.length ? done / ids.length : null} label={t('predict.progress', { done, all: ids.length })} /><p role="status" className="text-[13px] text-ink-2">{t('predict.progress', { done, all: ids.length })}</p></div>}
      <ol aria-label={t('flow.outline')} className="grid gap-3">{ids.map((id) => <Line key={id} text={word(id)} state={live.states[id]} />)}</ol>
      <div className="mt-5 grid gap-3">
        {state === 'failed' && <ProblemNote error={new Problem(0, live.job?.error_kind ?? 'internal', live.error ?? '')} title={broken ? t('predict.failed', { step: word(broken) }) : undefined} />}
        {state === 'cancelled' && <p role="status"><span className="font-medium">{t('predict.stopped')}.</span> <span className="text-ink-2">{t('predict.stoppedText')}</span></p>}
        <ProblemNote error={start.error ?? cancel.error} />
        {may && (
          <div className="flex flex-wrap gap-2">
            {live.running ? <Button icon="stop" busy={cancel.isPending} onClick={() => cancel.mutate()}>{t('cancel')}</Button> : (
              <>
                <Button look="primary" icon="play" busy={start.isPending} onClick={() => start.mutate()}>{state ? t('predict.goOn') : t('predict.start')}</Button>
                {table && <Link to="/predict" search={{ table }} className={buttonClass()}>{t('predict.change')}</Link>}
              </>
            )}
          </div>
        )}
      </div>
    </Card>
  )
}

function Line({ text, state }: { text: string; state?: NodeEvent }) {
  const at = state?.state ?? 'waiting'
  const facts = [state?.rows ? t('data.rows', { count: state.rows, n: count(state.rows) }) : '', at === 'running' ? state?.message : '', at === 'done' && state?.ms && !state.cached ? millis(state.ms) : ''].filter(Boolean)
  return (
    <li className="flex items-start gap-3">
      <span className={cx('mt-px grid size-6 shrink-0 place-items-center rounded-full', at === 'done' ? 'bg-good-soft text-good' : at === 'running' ? 'text-accent' : at === 'failed' ? 'bg-bad-soft text-bad' : 'border border-line-strong/60')}>
        {at === 'done' ? <Icon name="check" size={15} /> : at === 'running' ? <Spinner size={18} /> : at === 'failed' ? <Icon name="alert" size={14} /> : null}
      </span>
      <span className="min-w-0"><span className={cx('font-medium', (at === 'waiting' || at === 'skipped') && 'font-normal text-ink-2')}>{text}</span><span className="sr-only"> {t(`flow.state.${at}`)}</span>{facts.length > 0 && <span className="block text-[13px] text-ink-2 tabular-nums">{facts.join(' · ')}</span>}</span>
    </li>
  )
}
