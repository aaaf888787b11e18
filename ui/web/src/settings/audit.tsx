// The audit log: who did what, newest first, and whether the chain is whole.
import { useMutation, useQuery } from '@tanstack/react-query'
import { get } from '../api/http'
import { listOf } from '../api/queries'
import type { AuditEntry } from '../api/types'
import { count, human, moment } from '../design/format'
import { Badge, Button, Card } from '../design/kit'
import { Loaded, ProblemNote } from '../design/problem'
import { List } from '../design/table'
import { t } from '../i18n'

export function Audit() {
  const query = useQuery({ queryKey: ['audit'], queryFn: async ({ signal }) => listOf<AuditEntry>(await get('/api/audit', { limit: 200 }, signal), 'entries') })
  const verify = useMutation({ mutationFn: () => get<{ entries: number; ok: boolean; broken_at?: number }>('/api/audit/verify') })
  return (
    <div className="grid gap-4">
      <div className="flex flex-wrap items-center gap-3">
        <Button icon="check" busy={verify.isPending} onClick={() => verify.mutate()}>{t('audit.verify')}</Button>
        {verify.data && <p role="status"><Badge tone={verify.data.ok ? 'good' : 'bad'} dot>{verify.data.ok ? t('audit.whole', { count: verify.data.entries, n: count(verify.data.entries) }) : t('audit.broken', { n: count(verify.data.broken_at ?? 0) })}</Badge></p>}
      </div>
      <ProblemNote error={verify.error} />
      <Loaded query={query}>
        {(all) => (
          <Card className="py-2"><List rows={all.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))} label={t('settings.audit')} id={(_, i) => String(i)} cols={[
            { head: t('data.when'), cell: (e) => <span className="whitespace-nowrap text-ink-2">{moment(e.at)}</span> },
            { head: t('audit.who'), cell: (e) => <span className="font-medium">{e.principal?.name || e.by || t('audit.nobody')}</span> },
            { head: t('audit.what'), cell: (e) => human(e.action) },
            { head: t('audit.on'), grow: true, hide: true, cell: (e) => <code className="font-mono text-[12.5px] break-all text-ink-2">{e.target}</code> },
            { head: t('audit.outcome'), right: true, cell: (e) => <Badge tone={e.outcome === 'ok' ? 'good' : e.outcome === 'denied' ? 'bad' : 'warn'}>{e.outcome === 'ok' ? t('audit.ok') : e.outcome === 'denied' ? t('audit.denied') : t('audit.failed')}</Badge> },
          ]} /></Card>
        )}
      </Loaded>
    </div>
  )
}
