// Which column holds the answer: the most sensible one is chosen already.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useId, useState } from 'react'
import { post, put, seg } from '../api/http'
import { deploymentsQuery, flowsQuery, modelsQuery, profileQuery, tableQuery } from '../api/queries'
import type { FlowDoc, Load, ProfileColumn, Table } from '../api/types'
import { useMay } from '../app/session'
import { cell, count, percent } from '../design/format'
import { Badge, Button, buttonClass, Card, cx, Field, Ghost, Page } from '../design/kit'
import { Loaded, ProblemNote } from '../design/problem'
import { t } from '../i18n'
import { candidates, freeName, timeOf, type Candidate } from './rules'

const budgets = ['10s', '20s', '60s', '5m'] as const
const shownFirst = 6

export function Choose({ table, load, onOther }: { table: string; load?: Load; onOther: () => void }) {
  const info = useQuery(tableQuery(table))
  const profile = useQuery(profileQuery(table))
  const both = { data: info.data && profile.data ? { info: info.data, profile: profile.data } : undefined, error: info.error ?? profile.error, isPending: info.isPending || profile.isPending, refetch: () => { void info.refetch(); void profile.refetch() } }
  return (
    <Page title={t('predict.question')} lead={info.data ? `${t('predict.from', { rows: count(info.data.rows), table })}. ${t('predict.lead')}` : t('predict.lead')} actions={<Button icon="upload" onClick={onOther}>{t('predict.other')}</Button>}>
      {load && load.rejected > 0 && <p className="mb-4 rounded-lg bg-warn-soft px-4 py-2.5 text-[13.5px] text-warn">{t('predict.rejected', { count: load.rejected, n: count(load.rejected) })} <Link to="/data/$table" params={{ table }} search={{ tab: 'rejects' }} className="font-medium underline">{t('upload.seeRejects')}</Link></p>}
      {load?.already && <p className="mb-4 text-[13.5px] text-ink-2">{t('predict.already')}</p>}
      <Loaded query={both} lines={8}>{(d) => <Columns table={d.info} profile={d.profile} onOther={onOther} />}</Loaded>
    </Page>
  )
}

function Columns({ table, profile, onOther }: { table: Table; profile: ProfileColumn[]; onOther: () => void }) {
  const all = candidates(table.schema.columns, profile, table.rows)
  const fit = all.filter((c) => !c.unfit), unfit = all.filter((c) => c.unfit)
  const [target, setTarget] = useState(fit[0]?.name ?? '')
  const [budget, setBudget] = useState<(typeof budgets)[number]>('20s')
  const [wide, setWide] = useState(false)
  const may = useMay('write')
  const build = useBuild(table, target, budget)
  if (fit.length === 0) return <Ghost icon="search" title={t('predict.nothing')} action={<Button look="primary" onClick={onOther}>{t('predict.other')}</Button>}>{t('predict.nothingText')}</Ghost>
  const shown = wide ? fit : fit.slice(0, shownFirst)
  return (
    <form className="grid items-start gap-5 lg:grid-cols-[minmax(0,1.6fr)_minmax(0,1fr)]" onSubmit={(e) => { e.preventDefault(); build.mutate() }}>
      <div className="grid min-w-0 gap-4">
        <fieldset>
          <legend className="mb-2 text-[15px] font-semibold">{t('predict.columns')}</legend>
          <div className="grid gap-2 sm:grid-cols-2">{shown.map((c, i) => <Choice key={c.name} c={c} first={i === 0} chosen={c.name === target} onChoose={() => setTarget(c.name)} />)}</div>
        </fieldset>
        {fit.length > shown.length && <div><Button small icon="down" onClick={() => setWide(true)}>{t('predict.more', { count: fit.length - shown.length })}</Button></div>}
        {unfit.length > 0 && (
          <details className="text-[13px] text-ink-2"><summary>{t('predict.unfit')}</summary>
            <ul className="mt-1.5 grid gap-0.5 pl-4">{unfit.map((c) => <li key={c.name}><span className="font-medium text-ink">{c.name}</span>: {t(`predict.unfitWhy.${c.unfit!}`)}</li>)}</ul>
          </details>
        )}
      </div>
      <Card className="grid gap-4 p-5">
        <Field label={t('predict.budget')}>{(p) => <select {...p} className="input" value={budget} onChange={(e) => setBudget(e.target.value as typeof budget)}>{budgets.map((b) => <option key={b} value={b}>{t(`predict.budgets.${b}`)}</option>)}</select>}</Field>
        <ProblemNote error={build.error} />
        {may ? <Button type="submit" look="primary" icon="play" busy={build.isPending} disabled={!target}>{build.isPending ? t('predict.building') : t('predict.build')}</Button> : <p className="text-[13px] text-ink-2">{t('viewerOnly')}</p>}
        <div><p className="text-[13px] font-medium">{t('predict.how')}</p><p className="mt-0.5 text-[13px] text-ink-2">{t('predict.howText')}</p></div>
        <Link to="/data/$table" params={{ table: table.name }} className={buttonClass('quiet', true) + ' justify-self-start'}>{t('upload.open')}</Link>
      </Card>
    </form>
  )
}

function Choice({ c, first, chosen, onChoose }: { c: Candidate; first: boolean; chosen: boolean; onChoose: () => void }) {
  const known = c.classes.reduce((a, x) => a + x.share, 0)
  const id = useId()
  return (
    <label htmlFor={id} aria-label={c.name} className={cx('card flex cursor-pointer items-start gap-3 p-4 has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent', chosen ? 'border-accent! bg-accent-soft!' : 'hover:border-line-strong')}>
      <input id={id} aria-describedby={`${id}-text`} type="radio" name="target" className="mt-0.5 size-4 accent-accent" checked={chosen} onChange={onChoose} />
      <span className="min-w-0">
        <span className="flex flex-wrap items-center gap-2"><span className="font-medium break-all">{c.name}</span>{first && <Badge tone="accent">{t('predict.suggested')}</Badge>}</span>
        <span id={`${id}-text`} className="block text-[13px] text-ink-2">
          {c.kind === 'number' ? t('predict.number', { from: cell(Number(c.range![0])), to: cell(Number(c.range![1])) }) : [...c.classes.map((x) => t('predict.one', { name: x.name || t('grid.none'), share: percent(x.share) })), known < 0.995 && t('predict.others', { share: percent(1 - known) })].filter(Boolean).join(', ')}
        </span>
      </span>
    </label>
  )
}

/** useBuild drafts the flow, stores it and starts it. */
function useBuild(table: Table, target: string, budget: string) {
  const flows = useQuery(flowsQuery).data ?? []
  const models = useQuery(modelsQuery).data ?? []
  const deployments = useQuery(deploymentsQuery).data ?? []
  const go = useNavigate()
  const cache = useQueryClient()
  return useMutation({
    mutationFn: async () => {
      const taken = [...flows.map((f) => f.flow.metadata?.name ?? ''), ...models.map((m) => m.name), ...deployments.map((d) => d.name)]
      const name = freeName(table.name.split('.')[1] ?? 'prediction', taken)
      const draft = await post<FlowDoc>('/api/flows/suggest', { table: table.name, target, time: timeOf(table.schema.columns.filter((c) => c.name !== target)), name, budget })
      await put<FlowDoc>(`/api/flows/${seg(name)}`, { flow: draft.flow, layout: draft.layout })
      await post(`/api/flows/${seg(name)}/run`, {})
      return name
    },
    onSuccess: async (flow) => {
      void cache.invalidateQueries({ queryKey: ['jobs'] })
      await go({ to: '/predict/$flow', params: { flow } })
    },
    onSettled: () => cache.invalidateQueries({ queryKey: ['flows'] }),
  })
}
