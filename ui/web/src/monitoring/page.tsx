// Monitoring: what needs attention over all endpoints.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { alertsQuery, deploymentsQuery } from '../api/queries'
import { human } from '../design/format'
import { Icon } from '../design/icon'
import { buttonClass, Card, Ghost, Page } from '../design/kit'
import { Loaded } from '../design/problem'
import { DeployedModel } from '../endpoints/page'
import { t } from '../i18n'
import { AlertItem } from './alerts'

export function Monitoring() {
  const deployments = useQuery(deploymentsQuery)
  const alerts = useQuery(alertsQuery()).data ?? []
  const open = alerts.filter((a) => a.state !== 'resolved')
  return (
    <Page title={t('monitor.title')} lead={t('monitor.lead')}>
      <Loaded query={deployments}>
        {(all) => all.length === 0 ? <Ghost icon="monitor" title={t('monitor.none')} action={<Link to="/models" className={buttonClass('primary')}>{t('endpoint.choose')}</Link>}>{t('monitor.noneText')}</Ghost> : (
          <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_minmax(0,1.2fr)]">
            <Card title={t('monitor.watched')} className="pb-3">
              <ul className="px-2">{all.map((d) => {
                const mine = open.filter((a) => a.deployment === d.name).length
                return (
                  <li key={d.name}><Link to="/monitoring/$name" params={{ name: d.name }} className="flex items-center gap-3 rounded-lg px-3 py-3 hover:bg-sunken">
                    <span className={`grid size-9 place-items-center rounded-lg ${mine ? 'bg-warn-soft text-warn' : 'bg-good-soft text-good'}`}><Icon name={mine ? 'alert' : 'check'} /></span>
                    <span className="min-w-0 flex-1"><span className="block font-medium">{human(d.name)}</span><span className="block truncate text-[13px] text-ink-2"><DeployedModel d={d} /></span></span>
                    <span className="text-[13px] text-ink-2">{mine ? t('monitor.open', { count: mine }) : t('monitor.calm')}</span>
                  </Link></li>
                )
              })}</ul>
            </Card>
            {alerts.length > 0 && <Card title={t('monitor.alerts')} className="pb-3"><ul className="grid gap-1 px-2">{alerts.slice(0, 30).map((a) => <li key={a.id}><AlertItem a={a} named /></li>)}</ul></Card>}
          </div>
        )}
      </Loaded>
    </Page>
  )
}
