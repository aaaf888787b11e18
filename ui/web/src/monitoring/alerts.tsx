// An alert: what moved, since when, and what was done about it.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { post } from '../api/http'
import type { Alert } from '../api/types'
import { useMay } from '../app/session'
import { ago, human, windowName } from '../design/format'
import { Badge, Button } from '../design/kit'
import { t } from '../i18n'

export function AlertItem({ a, named }: { a: Alert; named?: boolean }) {
  const may = useMay('write')
  const cache = useQueryClient()
  const resolve = useMutation({ mutationFn: () => post(`/api/alerts/${a.id}/resolve`), onSettled: () => cache.invalidateQueries({ queryKey: ['alerts'] }) })
  return (
    <article className="rounded-lg px-3 py-3">
      <div className="flex flex-wrap items-center gap-2">
        <Badge tone={a.kind === 'performance' ? 'bad' : 'warn'}>{t(`alert.kind.${a.kind}`)}</Badge>
        <Badge tone={a.state === 'resolved' ? 'good' : a.state === 'acting' ? 'accent' : 'warn'} dot>{t(`alert.${a.state}`)}</Badge>
        {named && <Link to="/monitoring/$name" params={{ name: a.deployment }} className="font-medium hover:underline">{human(a.deployment)}</Link>}
        <span className="ml-auto text-[13px] text-ink-2">{ago(a.created)}</span>
      </div>
      <p className="mt-1.5">{a.text}</p>
      <dl className="mt-1.5 grid gap-0.5 text-[13px] text-ink-2">
        <div><dt className="inline">{t('alert.since')}: </dt><dd className="inline">{windowName(a.since, a.window?.[1] ?? a.since)}</dd></div>
        {a.columns && a.columns.length > 0 && <div><dt className="inline">{t('alert.moved')}: </dt><dd className="inline">{a.columns.slice(0, 5).join(', ')}{a.columns.length > 5 ? ` ${t('alert.more', { count: a.columns.length - 5 })}` : ''}</dd></div>}
        {(a.outcome || a.job) && <div className="line-clamp-3"><dt className="inline">{t('alert.done')}: </dt><dd className="inline" title={a.outcome}>{a.outcome || t('alert.retraining')}</dd></div>}
      </dl>
      {may && a.state === 'open' && <Button small className="mt-2" icon="check" busy={resolve.isPending} onClick={() => resolve.mutate()}>{t('alert.resolve')}</Button>}
    </article>
  )
}
