// The own account: name and password.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { FormEvent } from 'react'
import { put } from '../api/http'
import { meQuery } from '../api/queries'
import { Button, Card, Field } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { t } from '../i18n'

export function Account() {
  const me = useQuery(meQuery).data
  const cache = useQueryClient()
  const save = useMutation({ mutationFn: (change: Record<string, string>) => put('/api/me', change), onSuccess: () => cache.invalidateQueries({ queryKey: ['me'] }) })
  function submit(e: FormEvent<HTMLFormElement>) {
    e.preventDefault()
    const form = e.currentTarget
    const f = new FormData(form)
    const change = Object.fromEntries([...f].map(([k, v]) => [k, String(v)]).filter(([k, v]) => v && (k !== 'name' || v !== me?.name)))
    save.mutate(change, { onSuccess: () => { for (const n of ['current', 'password']) (form.elements.namedItem(n) as HTMLInputElement).value = '' } })
  }
  if (!me) return null
  return (
    <Card className="max-w-xl p-6">
      <form onSubmit={submit} className="grid gap-4">
        <Field label={t('members.name')}>{(p) => <input {...p} name="name" className="input" defaultValue={me.name} autoComplete="name" />}</Field>
        <Field label={t('account.current')}>{(p) => <input {...p} name="current" type="password" className="input" autoComplete="current-password" />}</Field>
        <Field label={t('account.password')} help={t('account.passwordHelp')}>{(p) => <input {...p} name="password" type="password" className="input" autoComplete="new-password" minLength={8} />}</Field>
        <ProblemNote error={save.error} />
        <div className="flex items-center gap-3"><Button type="submit" look="primary" busy={save.isPending}>{t('save')}</Button>{save.isSuccess && <span role="status" className="text-good">{t('saved')}</span>}</div>
      </form>
    </Card>
  )
}
