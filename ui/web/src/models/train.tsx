// The train dialog: choose the rows, the column and the time; then watch the board fill.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useReducer, useState } from 'react'
import { post } from '../api/http'
import { setsQuery } from '../api/queries'
import type { Job, RunSpec, TrainingSet } from '../api/types'
import { useMay } from '../app/session'
import { Dialog } from '../design/dialog'
import { count, human } from '../design/format'
import { Button, buttonClass, Field, Ghost, Progress, Spinner } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { t } from '../i18n'
import { progressText } from '../jobs/drawer'
import { share, useWork } from '../jobs/use'
import { Leaderboard } from './leaderboard'
import { hear, quiet } from './live'

export function TrainButton({ set, model, small }: { set?: TrainingSet; model?: string; small?: boolean }) {
  const [open, setOpen] = useState(false)
  const may = useMay('write')
  if (!may) return null
  return (
    <>
      <Button look={small ? 'quiet' : 'primary'} small={small} icon="play" onClick={() => setOpen(true)}>{t('train.open')}</Button>
      {open && <TrainDialog set={set} model={model} onClose={() => setOpen(false)} />}
    </>
  )
}

const budgets = ['20s', '60s', '5m', '20m']

function TrainDialog({ set, model, onClose }: { set?: TrainingSet; model?: string; onClose: () => void }) {
  const sets = useQuery(setsQuery).data ?? []
  const [chosen, setChosen] = useState(set?.id ?? '')
  const now = sets.find((s) => s.id === chosen) ?? (chosen === set?.id ? set : undefined) ?? sets[0]
  const [spec, setSpec] = useState<Partial<RunSpec>>({ model, budget: '60s' })
  const [live, tell] = useReducer(hear, quiet)
  const work = useWork((s: RunSpec) => post<Job>('/api/runs', s), tell)
  const name = spec.model ?? now?.spec.name ?? ''
  const target = spec.target ?? now?.spec.label ?? ''
  const ok = now && /^[a-z][a-z0-9_]{0,62}$/.test(name)
  const columns = now?.columns?.filter((c) => c.role !== 'key' && c.role !== 'time') ?? []
  return (
    <Dialog open onClose={onClose} title={t('train.title')} size={work.isIdle ? 'md' : 'lg'}>
      {sets.length === 0 && !set ? <Ghost icon="features" title={t('train.noSet')} action={<Link to="/features" className={buttonClass('primary')}>{t('train.goSets')}</Link>}>{t('train.noSetText')}</Ghost> : work.isIdle || (work.isError && live.trials.length === 0) ? (
        <form className="grid gap-4" onSubmit={(e) => { e.preventDefault(); if (ok) work.mutate({ model: name, training_set: now.id, target, budget: spec.budget, ...(spec.metric ? { metric: spec.metric } : {}) }) }}>
          <Field label={t('train.set')}>{(p) => <select {...p} className="input" value={now?.id ?? ''} onChange={(e) => setChosen(e.target.value)}>{[...new Map([...sets, ...(set ? [set] : [])].map((s) => [s.id, s])).values()].map((s) => <option key={s.id} value={s.id}>{t('train.setOption', { name: human(s.spec.name), n: count(s.rows), count: s.rows })}</option>)}</select>}</Field>
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label={t('train.target')}>{(p) => <select {...p} className="input" value={target} onChange={(e) => setSpec({ ...spec, target: e.target.value })}>{columns.map((c) => <option key={c.name}>{c.name}</option>)}</select>}</Field>
            <Field label={t('train.budget')} help={t('train.budgetHelp')}>{(p) => <select {...p} className="input" value={spec.budget} onChange={(e) => setSpec({ ...spec, budget: e.target.value })}>{budgets.map((b) => <option key={b} value={b}>{t(`train.budgets.${b as '60s'}`)}</option>)}</select>}</Field>
          </div>
          <Field label={t('train.name')} error={ok || !now ? undefined : t('train.nameBad')}>{(p) => <input {...p} className="input" value={name} onChange={(e) => setSpec({ ...spec, model: e.target.value })} />}</Field>
          <ProblemNote error={work.error} />
          <div className="flex justify-end gap-2"><Button onClick={onClose}>{t('cancel')}</Button><Button type="submit" look="primary" icon="play" disabled={!ok}>{t('train.do')}</Button></div>
        </form>
      ) : (
        <div className="grid gap-4">
          {work.isPending && <><div className="flex items-center gap-3"><span className="text-accent"><Spinner /></span><p role="status" className="font-medium">{progressText(live.progress) || t('train.running')}</p></div><Progress value={share(live.progress)} label={t('train.running')} /></>}
          {live.leakage.map((l) => <p key={l.column} className="rounded-lg bg-warn-soft px-3 py-2 text-[13.5px]"><span className="font-medium">{t('train.leftOut', { column: l.column })}</span> {l.reason}</p>)}
          {live.notes.map((n) => <p key={n} className="text-[13px] text-ink-2">{n}</p>)}
          {live.trials.length > 0 && <div className="-mx-5"><Leaderboard trials={live.trials} metric={live.metric ?? spec.metric ?? ''} /></div>}
          <ProblemNote error={work.error} />
          <div className="flex justify-end gap-2">
            {work.isPending ? <p className="mr-auto text-[13px] text-ink-2">{t('train.mayClose')}</p> : null}
            {work.isPending && <Button icon="stop" disabled={!work.cancel} onClick={work.cancel}>{t('cancel')}</Button>}
            <Button onClick={onClose}>{t('close')}</Button>
            {work.isSuccess && <Link to="/models/$model" params={{ model: name }} className={buttonClass('primary')} onClick={onClose}>{t('train.see')}</Link>}
          </div>
        </div>
      )}
    </Dialog>
  )
}
