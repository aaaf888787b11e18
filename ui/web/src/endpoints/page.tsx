// Endpoints: models that answer now.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { deploymentsQuery } from '../api/queries'
import type { Deployment } from '../api/types'
import { ago, count, human, millis } from '../design/format'
import { Badge, buttonClass, Figure, Ghost, Page } from '../design/kit'
import { Loaded } from '../design/problem'
import { t, tryT } from '../i18n'

export function Endpoints() {
  const query = useQuery(deploymentsQuery)
  return (
    <Page title={t('endpoint.title')} lead={t('endpoint.lead')}>
      <Loaded query={query}>
        {(all) => all.length === 0
          ? <Ghost icon="endpoint" title={t('endpoint.none')} action={<Link to="/models" className={buttonClass('primary')}>{t('endpoint.choose')}</Link>}>{t('endpoint.noneText')}</Ghost>
          : <div className="grid gap-4 md:grid-cols-2">{all.map((d) => <Item key={d.name} d={d} />)}</div>}
      </Loaded>
    </Page>
  )
}

export function StateBadge({ d }: { d: Deployment }) {
  return <Badge tone={d.state === 'ready' ? 'good' : d.state === 'failed' ? 'bad' : 'accent'} dot>{t(`endpoint.state.${d.state}`)}</Badge>
}

export function DeployedModel({ d }: { d: Deployment }) {
  return <>{d.alias ? t('endpoint.follows', { model: human(d.model), alias: tryT(`alias.${d.alias}`, d.alias).toLowerCase(), n: d.version }) : t('endpoint.fixed', { model: human(d.model), n: d.version })}</>
}

function Item({ d }: { d: Deployment }) {
  return (
    <Link to="/endpoints/$name" params={{ name: d.name }} className="card block p-5 hover:border-accent">
      <div className="flex items-start justify-between gap-3"><h2 className="text-base font-semibold tracking-[-0.01em]">{human(d.name)}</h2><StateBadge d={d} /></div>
      <p className="mt-0.5 text-ink-2"><DeployedModel d={d} /></p>
      {d.error && <p className="mt-2 text-[13px] text-bad">{d.error}</p>}
      <dl className="mt-4 flex flex-wrap gap-x-8 gap-y-2">
        {d.requests > 0 && <Figure label={t('endpoint.requests')}>{count(d.requests)}</Figure>}
        {d.p50_ms > 0 && <Figure label={t('endpoint.typical')}>{millis(d.p50_ms)}</Figure>}
        {d.p99_ms > 0 && <Figure label={t('endpoint.slow')}>{millis(d.p99_ms)}</Figure>}
        {d.requests === 0 && <Figure label={t('endpoint.since')}>{ago(d.since)}</Figure>}
      </dl>
    </Link>
  )
}
