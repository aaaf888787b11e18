// Settings: who may do what, keys for programs, and the audit log. Owners only; what
// the product is made of is for everybody.
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { meQuery } from '../api/queries'
import { useMay } from '../app/session'
import { Card, Page } from '../design/kit'
import { Tabs } from '../design/tabs'
import { t, tryT } from '../i18n'
import type { SettingsTab } from '.'
import { Account } from './account'
import { Audit } from './audit'
import { Keys } from './keys'
import { Members } from './members'

const route = getRouteApi('/shell/settings')

export function Settings() {
  const { tab } = route.useSearch()
  const go = route.useNavigate()
  const me = useQuery(meQuery).data
  const admin = useMay('admin')
  const tabs = [
    ...(admin ? [
      { id: 'members', label: t('settings.members'), body: () => <Members /> },
      { id: 'keys', label: t('settings.keys'), body: () => <Keys /> },
      { id: 'audit', label: t('settings.audit'), body: () => <Audit /> },
    ] : []),
    { id: 'account', label: t('settings.account'), body: () => <Account /> },
    { id: 'about', label: t('settings.about'), body: () => <About /> },
  ]
  return (
    <Page title={t('settings.title')} lead={me && t('settings.lead', { name: me.name, role: tryT(`role.${me.role}`, me.role).toLowerCase() })}>
      <Tabs label={t('settings.title')} active={tab ?? tabs[0]!.id} onChange={(id) => void go({ search: { tab: id as SettingsTab }, replace: true })} tabs={tabs} />
    </Page>
  )
}

function About() {
  return (
    <Card className="max-w-2xl p-6">
      <h2 className="text-base font-semibold">{t('about.heading')}</h2>
      <p className="mt-1 text-ink-2">{t('about.text')}</p>
      <p className="mt-3"><a className="font-medium text-accent hover:underline" href="/api/openapi.json">{t('about.api')}</a></p>
      <h3 className="mt-5 text-[13px] font-semibold">{t('about.made')}</h3>
      <p className="mt-1 text-[13px] text-ink-2">{t('about.with')}</p>
    </Card>
  )
}
