// What came of it: how good in one sentence, against guessing; what matters; a form.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { deploymentQuery, modelQuery, runQuery } from '../api/queries'
import type { Flow, Run } from '../api/types'
import { Bars } from '../design/charts'
import { count, figure, percent, score } from '../design/format'
import { Badge, buttonClass, Card } from '../design/kit'
import { Loaded } from '../design/problem'
import { t } from '../i18n'
import { importanceOf } from '../models/curves'
import { judge } from '../models/judge'
import type { States } from '../flow/live'
import { worth } from './rules'
import { TryIt } from './tryit'

export function Outcome({ states, flow }: { states: States; flow: Flow; name: string }) {
  const made = (type: string) => Object.values(states).flatMap((s) => Object.values(s.out ?? {})).find((v) => v.type === type)?.data ?? {}
  const name = String(made('deployment').name ?? ''), model = String(made('model').model ?? ''), version = Number(made('model').version ?? 0)
  const versions = useQuery({ ...modelQuery(model), enabled: !!model }).data?.versions
  const runId = versions?.find((v) => v.number === version)?.run ?? ''
  const run = useQuery({ ...runQuery(runId), enabled: !!runId })
  const deployed = useQuery({ ...deploymentQuery(name), enabled: !!name, refetchInterval: (q) => (q.state.data?.signature ? false : 1000) }).data
  if (!model) return null
  const clean = Object.values(flow.nodes).find((n) => n.op.startsWith('recipe.apply@'))?.config?.to
  const label = String(run.data?.set?.spec.label ?? '')
  return (
    <Loaded query={run}>
      {(r) => (
        <>
          <div className="grid items-start gap-5 lg:grid-cols-2">
            <Good run={r} model={model} />
            <Matters run={r} />
          </div>
          {deployed?.signature && <TryIt name={name} signature={deployed.signature} table={typeof clean === 'string' ? clean : ''} label={label} first={importanceOf(r.curves).map((i) => i.name)} />}
        </>
      )}
    </Loaded>
  )
}

function Good({ run, model }: { run: Run; model: string }) {
  const w = worth(run)
  const verdict = judge(run.metric, run.metrics?.[run.metric], run.baseline?.[run.metric])
  const hundred = (x: number) => figure(Math.round(x * 100))
  return (
    <Card title={t('predict.good')} action={<Badge tone={verdict.tone} dot>{t(`verdict.${verdict.word}`)}</Badge>} className="pb-5">
      <div className="grid gap-3 px-5 pt-1">
        {w?.kind === 'right' && <><p className="text-lg font-semibold tracking-[-0.02em]">{t('predict.right', { model: hundred(w.model) })}</p><p className="text-ink-2">{t('predict.rightGuess', { guess: hundred(w.guess) })}</p><Beside items={[[t('home.thisModel'), w.model], [t('home.guessing'), w.guess]]} /></>}
        {w?.kind === 'off' && <><p className="text-lg font-semibold tracking-[-0.02em]">{t('predict.off', { model: figure(w.model) })}</p><p className="text-ink-2">{t('predict.offGuess', { guess: figure(w.guess) })}</p></>}
        {w && <p className="text-[13px] text-ink-2">{t('predict.tested', { count: w.rows, n: count(w.rows) })}{w.rows < 100 ? ` ${t('predict.cautious')}` : ''}</p>}
        {run.leakage?.map((l) => <p key={l.column} className="rounded-lg bg-warn-soft px-3 py-2 text-[13.5px]"><span className="font-medium">{t('predict.leftOut', { column: l.column })}</span> {l.reason}</p>)}
        <div><Link to="/models/$model" params={{ model }} className={buttonClass('plain', true)}>{t('predict.details')}</Link></div>
      </div>
    </Card>
  )
}

/** Beside draws two shares below each other on the whole length: what is missing to all right is seen too. */
function Beside({ items }: { items: [string, number][] }) {
  return (
    <dl className="grid grid-cols-[max-content_1fr_auto] items-center gap-x-3 gap-y-1.5 text-[13px]">{items.map(([name, x], i) => (
      <div key={name} className="contents"><dt>{name}</dt><dd aria-hidden="true" className="h-3.5 rounded-sm bg-sunken"><div className="h-full rounded-sm" style={{ width: `${x * 100}%`, background: i ? 'var(--c-ref)' : 'var(--c-cur)' }} /></dd><dd className="text-right text-ink-2 tabular-nums">{percent(x)}</dd></div>
    ))}</dl>
  )
}

function Matters({ run }: { run: Run }) {
  const list = importanceOf(run.curves).slice(0, 6)
  if (list.length === 0) return null
  return <Card title={t('predict.matters')} className="pb-5"><div className="px-5 pt-1"><p className="mb-3 text-[13px] text-ink-2">{t('predict.mattersText')}</p><Bars items={list} label={t('predict.matters')} format={score} /></div></Card>
}
