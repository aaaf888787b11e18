// Monitoring: what needs attention over all endpoints.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { alertsQuery, deploymentsQuery, driftQuery } from '../api/queries'
import type { Deployment } from '../api/types'
import { Columns } from '../design/charts'
import { figure, human, windowName } from '../design/format'
import { Badge, buttonClass, Card, Ghost, Page } from '../design/kit'
import { Loaded } from '../design/problem'
import { DeployedModel } from '../endpoints/page'
import { t } from '../i18n'
import { AlertItem } from './alerts'
import { board, moves } from './rules'

export function Monitoring() {
  const deployments = useQuery(deploymentsQuery)
  const alerts = useQuery(alertsQuery()).data ?? []
  const open = alerts.filter((a) => a.state !== 'resolved')
  return (
    <Page title={t('monitor.title')} lead={t('monitor.lead')}>
      <Loaded query={deployments}>
        {(all) => all.length === 0 ? <Ghost icon="monitor" title={t('monitor.none')} action={<Link to="/models" className={buttonClass('primary')}>{t('endpoint.choose')}</Link>}>{t('monitor.noneText')}</Ghost> : (
          <div className="grid gap-5">
            <ul className="grid gap-4 md:grid-cols-2">{all.map((d) => <li key={d.name}><Watched d={d} open={open.filter((a) => a.deployment === d.name).length} /></li>)}</ul>
            {alerts.length > 0 && <Card title={t('monitor.alerts')} className="pb-3"><ul className="grid gap-1 px-2">{[...open, ...alerts.filter((a) => a.state === 'resolved')].slice(0, 8).map((a) => <li key={a.id}><AlertItem a={a} named /></li>)}</ul></Card>}
          </div>
        )}
      </Loaded>
    </Page>
  )
}

/** Watched is one endpoint as a picture: how far the furthest column was, window by window. */
function Watched({ d, open }: { d: Deployment; open: number }) {
  const reports = useQuery({ ...driftQuery(d.name), retry: false }).data ?? []
  const b = board(reports.slice(-24))
  const far = b.reports.map((_, w) => Math.max(0, ...b.columns.map((_, c) => b.value(c, w) ?? 0)))
  const first = moves(b, 0.2)[0]
  return (
    <Link to="/monitoring/$name" params={{ name: d.name }} className="card block p-5 hover:border-accent">
      <div className="flex items-start justify-between gap-3"><h2 className="text-base font-semibold tracking-[-0.01em]">{human(d.name)}</h2><Badge tone={open ? 'warn' : 'good'} dot>{open ? t('monitor.open', { count: open }) : t('monitor.calm')}</Badge></div>
      <p className="mt-0.5 mb-4 text-ink-2"><DeployedModel d={d} /></p>
      {far.length === 0 ? <p className="text-[13px] text-ink-2">{t('monitor.quiet')}</p> : (
        <>
          <Columns counts={far.map((x) => Math.log1p(x * 5))} height={48} colour={first ? 'var(--c-cur)' : 'var(--c-ref)'} label={t('monitor.strip', { name: human(d.name) })} titles={b.reports.map((r, i) => `${windowName(r.from, r.to)}: PSI ${figure(far[i])}`)} />
          <div className="mt-1 flex justify-between text-xs text-ink-2"><span>{windowName(b.reports[0]!.from, b.reports[0]!.to)}</span><span>{windowName(b.reports.at(-1)!.from, b.reports.at(-1)!.to)}</span></div>
          <p className="mt-3 text-[13.5px]">{first ? t('monitor.most', { column: first.column === 'prediction' ? t('monitor.prediction') : first.column, since: windowName(first.from, first.to) }) : t('monitor.same')}</p>
        </>
      )}
    </Link>
  )
}
