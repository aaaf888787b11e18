// Home: results first. What the newest model is worth, what happened lately, and
// three ways to go on.
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useRef, useState, type DragEvent } from 'react'
import { alertsQuery, deploymentsQuery, meQuery, modelsQuery, newestRunsQuery, tablesQuery } from '../api/queries'
import { offer } from '../data/incoming'
import { ago, count, human, short } from '../design/format'
import { Icon, type IconName } from '../design/icon'
import { Badge, Card, cx, Page } from '../design/kit'
import { t } from '../i18n'
import { JobCard } from '../jobs/drawer'
import { isRunning, useJobs } from '../jobs/use'
import { Newest } from './newest'

export function Home() {
  const me = useQuery(meQuery).data
  const models = useQuery(modelsQuery).data ?? []
  const runs = useQuery(newestRunsQuery).data ?? []
  const tables = useQuery(tablesQuery).data ?? []
  const alerts = useQuery(alertsQuery()).data ?? []
  const deployments = useQuery(deploymentsQuery).data ?? []
  const running = (useJobs().data ?? []).filter(isRunning)
  const run = runs.filter((r) => r.state === 'succeeded' && r.metrics).sort((a, b) => Date.parse(b.finished ?? b.created) - Date.parse(a.finished ?? a.created))[0]
  const model = run && models.find((m) => m.name === run.spec.model)
  const ready = deployments.find((d) => d.name === 'calls') ?? deployments[0]
  const targetOf = (d: { model: string }) => human(runs.find((r) => r.spec.model === d.model)?.spec.target || d.model).toLowerCase()
  const deployed = run && deployments.find((d) => d.model === run.spec.model)
  const recent = [...tables].sort((a, b) => Date.parse(b.updated) - Date.parse(a.updated)).slice(0, 6)
  return (
    <Page title={t('home.question')} lead={me?.title ? t('home.project', { title: me.title }) : t('home.lead')}>
      <div className="grid gap-4 md:grid-cols-3">
        {ready && <Way icon="play" title={ready.name === 'calls' ? t('home.demo') : t('home.ready', { name: human(ready.name) })} text={ready.name === 'calls' ? t('home.demoReady') : t('home.readyText', { target: targetOf(ready) })} to={`/endpoints/${ready.name}`} go={t('home.demoTry')} strong />}
        <DropWay strong={!ready} />
        {!ready && <Way icon="play" title={t('home.example')} text={t('home.exampleText')} to="/predict" go={t('home.exampleGo')} />}
        <Way icon="sql" title={t('home.sql')} text={t('home.sqlText')} to="/sql" go={t('home.sqlGo')} />
      </div>
      <div className="mt-8 grid items-start gap-5 lg:grid-cols-[minmax(0,1.6fr)_minmax(0,1fr)]">
        <div className="grid min-w-0 gap-5">
          {run && <Newest run={run} model={model} deployed={deployed} />}
          {recent.length > 0 && (
            <Card title={t('home.tables')} action={<Link to="/data" className="text-[13px] font-medium text-accent hover:underline">{t('home.allTables')}</Link>}>
              <ul className="px-2 pb-2">
                {recent.map((x) => (
                  <li key={x.name}>
                    <Link to="/data/$table" params={{ table: x.name }} className="flex items-center gap-3 rounded-lg px-3 py-2 hover:bg-sunken">
                      <Icon name="data" className="text-ink-3" />
                      <span className="min-w-0 flex-1 truncate font-medium">{x.name}</span>
                      <span className="text-[13px] text-ink-2 tabular-nums">{t('data.rows', { count: x.rows, n: short(x.rows) })}</span>
                      <span className="w-24 text-right text-[13px] text-ink-3 max-sm:hidden">{ago(x.updated)}</span>
                    </Link>
                  </li>
                ))}
              </ul>
            </Card>
          )}
        </div>
        <div className="grid min-w-0 gap-5">
          {running.length > 0 && <Card title={t('home.running')}><div className="grid gap-2 p-3 pt-1">{running.map((j) => <JobCard key={j.id} job={j} />)}</div></Card>}
          {alerts.length > 0 && (
            <Card title={t('home.alerts')} action={<Link to="/monitoring" className="text-[13px] font-medium text-accent hover:underline">{t('home.allAlerts')}</Link>}>
              <ul className="grid gap-1 px-2 pb-3">
                {alerts.slice(0, 3).map((a) => (
                  <li key={a.id}>
                    <Link to="/monitoring/$name" params={{ name: a.deployment }} className="block rounded-lg px-3 py-2.5 hover:bg-sunken">
                      <div className="flex items-center justify-between gap-3"><span className="text-[13px] text-ink-2">{ago(a.created)}</span><Badge tone={a.state === 'resolved' ? 'good' : 'warn'} dot>{t(`alert.${a.state}`)}</Badge></div>
                      <p className="mt-0.5 text-[13.5px]">{a.text}</p>
                      {a.outcome && <p className="mt-0.5 line-clamp-2 text-[13px] text-ink-2">{a.outcome}</p>}
                    </Link>
                  </li>
                ))}
              </ul>
            </Card>
          )}
          {deployments.some((d) => d.requests > 0) && (
            <Card title={t('home.answering')}>
              <ul className="px-2 pb-3">
                {deployments.filter((d) => d.requests > 0).map((d) => (
                  <li key={d.name}><Link to="/endpoints/$name" params={{ name: d.name }} className="flex items-center gap-3 rounded-lg px-3 py-2 hover:bg-sunken"><Icon name="endpoint" className="text-ink-3" /><span className="flex-1 font-medium">{d.name}</span><span className="text-[13px] text-ink-2">{t('endpoint.answered', { count: d.requests, n: count(d.requests) })}</span></Link></li>
                ))}
              </ul>
            </Card>
          )}
        </div>
      </div>
    </Page>
  )
}

const wayClass = 'card group flex h-full flex-col p-5 text-left transition-[border-color,transform] duration-150 hover:border-accent'

function Way({ icon, title, text, to, go, strong }: { icon: IconName; title: string; text: string; to: string; go: string; strong?: boolean }) {
  return (
    <Link to={to as '/'} className={cx(wayClass, strong && 'bg-accent-soft! border-accent/30!')}>
      <WayBody icon={icon} title={title} text={text} go={go} />
    </Link>
  )
}

function WayBody({ icon, title, text, go }: { icon: IconName; title: string; text: string; go: string }) {
  return (
    <>
      <span className="grid size-10 place-items-center rounded-xl bg-accent text-on-accent"><Icon name={icon} size={20} /></span>
      <span className="mt-4 text-base font-semibold tracking-[-0.015em]">{title}</span>
      <span className="mt-1 text-ink-2">{text}</span>
      <span className="mt-auto inline-flex items-center gap-1 pt-4 font-medium text-accent-strong">{go}<Icon name="right" size={16} className="transition-transform group-hover:translate-x-0.5" /></span>
    </>
  )
}

/** DropWay takes a file by drop or by choosing and goes to the guided page with it. */
function DropWay({ strong }: { strong?: boolean }) {
  const go = useNavigate()
  const input = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  function take(file: File | undefined) {
    if (!file) return
    offer(file)
    void go({ to: '/predict' })
  }
  function drop(e: DragEvent) {
    e.preventDefault()
    setOver(false)
    take(e.dataTransfer.files[0])
  }
  return (
    <>
      <button type="button" onClick={() => input.current?.click()} onDragOver={(e) => { e.preventDefault(); setOver(true) }} onDragLeave={() => setOver(false)} onDrop={drop} className={cx(wayClass, strong && 'bg-accent-soft! border-accent/30!', over && 'border-accent! bg-accent-soft!')}>
        <WayBody icon="upload" title={t('home.csv')} text={t('home.csvText')} go={over ? t('home.csvOver') : t('home.csvGo')} />
      </button>
      <input ref={input} type="file" accept=".csv,.tsv,.txt,.gz,text/csv" className="hidden" aria-hidden="true" tabIndex={-1} onChange={(e) => take(e.target.files?.[0])} />
    </>
  )
}
