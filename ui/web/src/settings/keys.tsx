import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { del, post, seg } from '../api/http'
import { keysQuery } from '../api/queries'
import type { ApiKey } from '../api/types'
import { Code } from '../design/code'
import { Dialog } from '../design/dialog'
import { ago, day } from '../design/format'
import { Badge, Button, Card, Field, Ghost } from '../design/kit'
import { Loaded, ProblemNote } from '../design/problem'
import { List } from '../design/table'
import { t } from '../i18n'
import { roles } from './members'

export function Keys() {
  const query = useQuery(keysQuery)
  const cache = useQueryClient()
  const [adding, setAdding] = useState(false)
  const renew = () => cache.invalidateQueries({ queryKey: ['keys'] })
  const revoke = useMutation({ mutationFn: (k: ApiKey) => del(`/api/keys/${seg(k.id)}`), onSettled: renew })
  return (
    <div className="grid gap-4">
      <div><Button look="primary" icon="key" onClick={() => setAdding(true)}>{t('keys.add')}</Button></div>
      <ProblemNote error={revoke.error} />
      <Loaded query={query}>
        {(all) => all.length === 0 ? <Ghost icon="key" title={t('keys.none')}>{t('keys.noneText')}</Ghost> : (
          <Card className="py-2"><List rows={all} label={t('settings.keys')} id={(k) => k.id} cols={[
            { head: t('members.name'), cell: (k) => <><span className="block font-medium">{k.name}</span><code className="font-mono text-[12.5px] text-ink-2">{k.prefix}…</code></> },
            { head: t('members.role'), cell: (k) => t(`role.${k.role}`) },
            { head: t('keys.used'), grow: true, hide: true, cell: (k) => <span className="text-ink-2">{k.used ? ago(k.used) : t('keys.never')}</span> },
            { head: t('keys.ends'), hide: true, cell: (k) => <span className="whitespace-nowrap text-ink-2">{k.revoked ? <Badge tone="bad">{t('keys.revoked')}</Badge> : k.expires ? day(k.expires) : t('keys.open')}</span> },
            { head: t('actions'), right: true, cell: (k) => (k.revoked ? null : <Button small look="quiet" icon="trash" busy={revoke.isPending && revoke.variables === k} onClick={() => revoke.mutate(k)}>{t('keys.revoke')}</Button>) },
          ]} /></Card>
        )}
      </Loaded>
      {adding && <Add onClose={() => setAdding(false)} onAdded={renew} />}
    </div>
  )
}

function Add({ onClose, onAdded }: { onClose: () => void; onAdded: () => void }) {
  const add = useMutation({ mutationFn: (k: Record<string, unknown>) => post<Record<string, unknown>>('/api/keys', k), onSuccess: onAdded })
  function submit(e: FormEvent<HTMLFormElement>) {
    e.preventDefault()
    const f = new FormData(e.currentTarget)
    const days = Number(f.get('days'))
    add.mutate({ name: f.get('name'), role: f.get('role'), ...(days ? { expires: new Date(Date.now() + days * 86_400_000).toISOString() } : {}) })
  }
  const secret = add.data && String(add.data.token ?? add.data.secret ?? (typeof add.data.key === 'string' ? add.data.key : ''))
  return (
    <Dialog open onClose={onClose} title={t('keys.add')}>
      {secret ? (
        <div className="grid gap-4"><p>{t('keys.once')}</p><Code label={t('keys.key')} text={secret} /><div className="flex justify-end"><Button look="primary" onClick={onClose}>{t('done')}</Button></div></div>
      ) : (
        <form onSubmit={submit} className="grid gap-4">
          <Field label={t('members.name')} help={t('keys.nameHelp')}>{(p) => <input {...p} name="name" required className="input" />}</Field>
          <Field label={t('members.role')} help={t('keys.roleHelp')}>{(p) => <select {...p} name="role" className="input" defaultValue="predict">{roles.map((r) => <option key={r} value={r}>{t(`role.${r}`)}</option>)}</select>}</Field>
          <Field label={t('keys.ends')}>{(p) => <select {...p} name="days" className="input" defaultValue="90"><option value="30">{t('keys.days', { count: 30 })}</option><option value="90">{t('keys.days', { count: 90 })}</option><option value="365">{t('keys.days', { count: 365 })}</option><option value="0">{t('keys.open')}</option></select>}</Field>
          <ProblemNote error={add.error} />
          <div className="flex justify-end gap-2"><Button onClick={onClose}>{t('cancel')}</Button><Button type="submit" look="primary" busy={add.isPending}>{t('keys.make')}</Button></div>
        </form>
      )}
    </Dialog>
  )
}
