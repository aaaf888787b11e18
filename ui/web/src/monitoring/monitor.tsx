// One endpoint watched: how far its inputs moved, window by window, and what that did
// to what it is worth.
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { get, post, seg } from '../api/http'
import { alertsQuery, driftQuery, listOf, policyQuery, runsQuery } from '../api/queries'
import type { Alert, Job, Performance, Report } from '../api/types'
import { useMay } from '../app/session'
import { Heat, LineChart, Pair } from '../design/charts'
import { count, figure, human, metricName, percent, windowName } from '../design/format'
import { Icon } from '../design/icon'
import { Badge, Button, buttonClass, Card, Ghost, Page } from '../design/kit'
import { Loaded, ProblemNote } from '../design/problem'
import { t } from '../i18n'
import { useWork } from '../jobs/use'
import { Working } from '../jobs/working'
import { AlertItem } from './alerts'
import { PolicyButton } from './policy'
import { board, find, moves, ordered, psi, type Board } from './rules'

const route = getRouteApi('/shell/monitoring/$name')

export function MonitorPage() {
  const { name } = route.useParams()
  const search = route.useSearch()
  const go = route.useNavigate()
  const may = useMay('write')
  const drift = useQuery(driftQuery(name))
  const alerts = useQuery(alertsQuery(name)).data ?? []
  const policy = useQuery({ ...policyQuery(name), retry: false }).data
  const check = useWork(() => post<Job>(`/api/monitors/${seg(name)}/check`))
  const least = policy?.min_rows ?? 0
  const large = (drift.data ?? []).filter((r) => r.rows >= least)
  const b = board(large.length ? large : (drift.data ?? []))
  const bound = policy?.psi || 0.2
  const worst = b.reports.findLast((r) => (r.drifted?.length ?? 0) > 0) ?? b.reports.at(-1)
  const report = b.reports.find((r) => r.from === search.window) ?? worst
  return (
    <Page title={human(name)} lead={t('monitor.leadOne')} crumbs={<Link to="/monitoring" className="hover:underline">{t('monitor.title')}</Link>}
      actions={<><Link to="/endpoints/$name" params={{ name }} className={buttonClass()}>{t('monitor.endpoint')}</Link><PolicyButton name={name} policy={policy} />{may && <Button look="primary" busy={check.isPending} onClick={() => check.mutate(undefined)}>{t('monitor.check')}</Button>}</>}>
      <div className="grid gap-5">
        <Working work={check} label={t('monitor.checking')} />
        <ProblemNote error={check.error} />
        {b.reports.length > 0 && <Moved b={b} bound={bound} />}
        <Worth name={name} model={b.reports.at(-1)?.model} metric={policy?.metric} />
        <Loaded query={drift}>
          {() => b.reports.length === 0 ? <Ghost icon="monitor" title={t('monitor.noWindow')}>{t('monitor.noWindowText')}</Ghost> : (
            <>
              <Card title={t('monitor.over')} className="pb-5">
                <div className="px-5">
                  <p className="mb-4 max-w-[75ch] text-[13px] text-ink-2">{t('monitor.overText', { bound: figure(bound) })} {large.length > 0 && large.length < (drift.data?.length ?? 0) && t('monitor.small', { n: count(least) })}</p>
                  <Heat label={t('monitor.over')} rows={b.columns} columns={b.reports.map((r) => windowName(r.from, r.to))} bound={bound} value={b.value} picked={report ? [b.columns.indexOf(search.column ?? ''), b.reports.indexOf(report)] : undefined}
                    onPick={(c, w) => void go({ search: { window: b.reports[w]!.from, column: b.columns[c]! }, replace: true, resetScroll: false })} />
                </div>
              </Card>
              {report && <Window report={report} focus={search.column} bound={bound} />}
            </>
          )}
        </Loaded>
        <Alerts all={alerts} />
      </div>
    </Page>
  )
}

/** Moved says in one line what a look at all the pictures would show: what moved, how far, since when. */
function Moved({ b, bound }: { b: Board; bound: number }) {
  const list = moves(b, bound)
  if (list.length === 0) return <p className="flex items-center gap-2 rounded-card bg-good-soft px-5 py-3.5 font-medium text-good"><Icon name="check" />{t('monitor.calmText')}</p>
  const since = list.reduce((a, m) => (Date.parse(m.from) < Date.parse(a.from) ? m : a))
  return (
    <section className="rounded-card border border-warn/40 bg-warn-soft px-5 py-4">
      <h2 className="text-[15px] font-semibold">{t('monitor.movedTitle', { count: list.length, since: windowName(since.from, since.to) })}</h2>
      <ul className="mt-2 flex flex-wrap gap-2">{list.slice(0, 6).map((m) => <li key={m.column} className="rounded-full bg-surface px-3 py-0.5 text-[13px]"><span className="font-medium">{m.column === 'prediction' ? t('monitor.prediction') : m.column}</span> <span className="text-ink-2">{t('monitor.sinceOne', { since: windowName(m.from, m.to) })}</span></li>)}{list.length > 6 && <li className="px-1 text-[13px] text-ink-2">{t('alert.more', { count: list.length - 6 })}</li>}</ul>
    </section>
  )
}

const firstAlerts = 3

function Alerts({ all }: { all: Alert[] }) {
  const [every, setEvery] = useState(false)
  if (all.length === 0) return null
  const sorted = all.toSorted((a, b) => Number(a.state === 'resolved') - Number(b.state === 'resolved'))
  return (
    <Card title={t('monitor.alerts')} className="pb-3">
      <ul className="grid gap-1 px-2">{sorted.slice(0, every ? undefined : firstAlerts).map((a) => <li key={a.id}><AlertItem a={a} /></li>)}</ul>
      {!every && all.length > firstAlerts && <div className="px-5 pt-1 pb-2"><Button small onClick={() => setEvery(true)}>{t('monitor.allAlerts', { count: all.length })}</Button></div>}
    </Card>
  )
}

function Window({ report, focus, bound }: { report: Report; focus?: string; bound: number }) {
  const columns = ordered(report)
  const first = find(report, focus)
  const shown = first ? [first, ...columns.filter((c) => c !== first)] : columns
  const title = windowName(report.from, report.to)
  return (
    <section aria-labelledby="window">
      <div className="mb-3 flex flex-wrap items-baseline justify-between gap-2">
        <h2 id="window" className="text-lg font-semibold tracking-[-0.02em]">{t('monitor.window', { name: title })}</h2>
        <p className="text-[13px] text-ink-2">{t('monitor.windowRows', { count: report.rows, n: count(report.rows), version: report.version })}</p>
      </div>
      <ul className="grid gap-4 sm:grid-cols-2 xl:grid-cols-3">
        {shown.map((d) => (
          <li key={d.column} className={`card p-4 ${d === first ? 'border-accent!' : ''}`}>
            <div className="mb-3 flex items-start justify-between gap-3"><h3 className="min-w-0 truncate font-medium" title={d.column}>{d.column === 'prediction' ? t('monitor.prediction') : d.column}</h3><Badge tone={d.drifted ? 'warn' : psi(d) >= bound ? 'info' : 'good'}>{d.drifted ? t('monitor.moved') : psi(d) >= bound ? t('monitor.unsure') : t('monitor.same')}</Badge></div>
            <Pair labels={d.reference.labels ?? []} reference={d.reference.shares ?? []} current={d.current.shares ?? []} names={[t('monitor.trained'), title]} label={t('monitor.pair', { column: d.column, window: title })} />
            <p className="mt-1 text-[12.5px] text-ink-2 tabular-nums">{[`PSI ${figure(psi(d))}`, d.stats.ks !== undefined && `KS ${figure(d.stats.ks)}`, d.stats.js !== undefined && `JS ${figure(d.stats.js)}`, Math.abs(d.stats.nulls ?? 0) > 0.005 && t('monitor.nulls', { n: percent(d.stats.nulls ?? 0, 1) })].filter(Boolean).join(' · ')}</p>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Worth({ name, model, metric }: { name: string; model?: string; metric?: string }) {
  const query = useQuery({ queryKey: ['monitors', name, 'performance'], queryFn: async ({ signal }) => listOf<Performance>(await get(`/api/monitors/${seg(name)}/performance`, undefined, signal), 'windows'), retry: false })
  const runs = useQuery(runsQuery).data ?? []
  const windows = (query.data ?? []).filter((w) => w.rows > 0).toSorted((a, b) => Date.parse(a.from) - Date.parse(b.from))
  const m = metric || Object.keys(windows[0]?.metrics ?? {})[0]
  if (!m || windows.length === 0) return null
  const versions = [...new Set(windows.map((w) => w.version))]
  const colours = ['var(--c-ref)', 'var(--c-cur)', 'var(--c-3)', 'var(--c-4)', 'var(--c-5)']
  const at = (w: Performance) => windows.findIndex((x) => x.from === w.from)
  const trained = runs.find((r) => r.spec.model === model && r.version === versions[0])?.metrics?.[m]
  const every = Math.ceil(windows.length / 8)
  return (
    <Card title={t('monitor.worth', { metric: metricName(m) })} className="pb-4">
      <div className="px-5">
        <p className="mb-3 text-[13px] text-ink-2">{t('monitor.worthText')}</p>
        <LineChart label={t('monitor.worth', { metric: metricName(m) })} height={230}
          series={versions.map((v, i) => ({ name: t('models.version', { n: v }), colour: colours[i % colours.length]!, dots: true, points: windows.filter((w) => w.version === v && w.metrics[m] !== undefined).map((w): [number, number] => [at(w), w.metrics[m]!]) }))}
          x={{ min: 0, max: Math.max(1, windows.length - 1), ticks: windows.map((w, i) => ({ at: i, text: windowName(w.from, w.to) })).filter((_, i) => i % every === 0 && windows[i]!.from !== windows[i - 1]?.from), format: (i) => windowName(windows[Math.round(i)]?.from ?? '', windows[Math.round(i)]?.to ?? '') }}
          rules={trained === undefined ? [] : [{ at: trained, text: t('monitor.atTraining', { n: figure(trained) }) }]} />
        <details className="mt-2 text-[13px]"><summary className="text-ink-2">{t('monitor.numbers')}</summary>
          <table className="mt-2 w-full text-left"><thead><tr className="text-ink-2"><th className="py-1 font-normal">{t('monitor.windowHead')}</th><th className="font-normal">{t('models.versionHead')}</th><th className="text-right font-normal">{metricName(m)}</th><th className="text-right font-normal">{t('monitor.labelled')}</th></tr></thead>
            <tbody>{windows.map((w, i) => <tr key={i} className="border-t border-line/60"><td className="py-1">{windowName(w.from, w.to)}</td><td>{w.version}</td><td className="text-right">{figure(w.metrics[m])}</td><td className="text-right">{count(w.rows)}</td></tr>)}</tbody></table>
        </details>
      </div>
    </Card>
  )
}
