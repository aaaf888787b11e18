import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { del, post, put, seg } from '../api/http'
import { membersQuery, meQuery } from '../api/queries'
import type { Member, Role } from '../api/types'
import { Dialog } from '../design/dialog'
import { Button, Card, Field } from '../design/kit'
import { Loaded, ProblemNote } from '../design/problem'
import { List } from '../design/table'
import { t } from '../i18n'

export const roles: Role[] = ['owner', 'editor', 'viewer', 'predict']

export function Members() {
  const query = useQuery(membersQuery)
  const me = useQuery(meQuery).data
  const cache = useQueryClient()
  const [adding, setAdding] = useState(false)
  const renew = () => cache.invalidateQueries({ queryKey: ['members'] })
  const change = useMutation({ mutationFn: ({ m, role }: { m: Member; role: Role }) => put(`/api/members/${seg(m.user)}`, { ...m, role }), onSettled: renew })
  const remove = useMutation({ mutationFn: (m: Member) => del(`/api/members/${seg(m.user)}`), onSettled: renew })
  return (
    <div className="grid gap-4">
      <div><Button look="primary" icon="plus" onClick={() => setAdding(true)}>{t('members.add')}</Button></div>
      <ProblemNote error={change.error ?? remove.error} />
      <Loaded query={query}>
        {(all) => (
          <Card className="py-2"><List rows={all} label={t('settings.members')} id={(m) => m.user} cols={[
            { head: t('members.name'), cell: (m) => <><span className="block font-medium">{m.name}</span><span className="block text-[13px] text-ink-2">{m.email}</span></> },
            { head: t('members.role'), grow: true, cell: (m) => <select aria-label={t('members.roleOf', { name: m.name })} className="input w-40!" value={m.role} onChange={(e) => change.mutate({ m, role: e.target.value as Role })}>{roles.map((r) => <option key={r} value={r}>{t(`role.${r}`)}</option>)}</select> },
            { head: t('actions'), right: true, cell: (m) => (m.user === me?.user ? <span className="text-[13px] text-ink-2">{t('members.you')}</span> : <Button small look="quiet" icon="trash" busy={remove.isPending && remove.variables === m} onClick={() => remove.mutate(m)}>{t('remove')}</Button>) },
          ]} /></Card>
        )}
      </Loaded>
      <Add open={adding} onClose={() => setAdding(false)} onAdded={renew} />
    </div>
  )
}

function Add({ open, onClose, onAdded }: { open: boolean; onClose: () => void; onAdded: () => void }) {
  const add = useMutation({ mutationFn: (m: Record<string, unknown>) => post('/api/members', m), onSuccess: () => { onAdded(); onClose() } })
  function submit(e: FormEvent<HTMLFormElement>) {
    e.preventDefault()
    add.mutate(Object.fromEntries(new FormData(e.currentTarget)))
  }
  return (
    <Dialog open={open} onClose={onClose} title={t('members.add')}>
      <form onSubmit={submit} className="grid gap-4">
        <Field label={t('members.name')}>{(p) => <input {...p} name="name" required className="input" />}</Field>
        <Field label={t('signin.email')}>{(p) => <input {...p} name="email" type="email" required className="input" />}</Field>
        <Field label={t('members.role')} help={t('members.roleHelp')}>{(p) => <select {...p} name="role" className="input" defaultValue="editor">{roles.map((r) => <option key={r} value={r}>{t(`role.${r}`)}</option>)}</select>}</Field>
        <Field label={t('members.password')} help={t('members.passwordHelp')}>{(p) => <input {...p} name="password" type="password" autoComplete="new-password" required minLength={8} className="input" />}</Field>
        <ProblemNote error={add.error} />
        <div className="flex justify-end gap-2"><Button onClick={onClose}>{t('cancel')}</Button><Button type="submit" look="primary" busy={add.isPending}>{t('members.addDo')}</Button></div>
      </form>
    </Dialog>
  )
}
