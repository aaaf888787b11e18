// Sign-in: the only page without the frame.
import { useMutation } from '@tanstack/react-query'
import { getRouteApi, useRouter } from '@tanstack/react-router'
import { useEffect, type FormEvent } from 'react'
import { asProblem } from '../api/problem'
import { signIn } from '../app/session'
import { Button, Field } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { t } from '../i18n'
import { Backdrop } from './backdrop'

const route = getRouteApi('/signin')

export function SignIn() {
  const { next } = route.useSearch()
  const router = useRouter()
  useEffect(() => { document.title = `${t('signin.title')} · AI Forge` }, [])
  const enter = useMutation({
    mutationFn: ({ email, password }: { email: string; password: string }) => signIn(email, password),
    onSuccess: () => router.history.push(next ?? '/'),
  })
  function submit(e: FormEvent<HTMLFormElement>) {
    e.preventDefault()
    const f = new FormData(e.currentTarget)
    enter.mutate({ email: String(f.get('email')), password: String(f.get('password')) })
  }
  const wrong = enter.error && asProblem(enter.error).status === 401
  return (
    <Backdrop>
      <main className="card rise w-full max-w-[400px] p-7 shadow-high sm:p-9">
        <img src="/mark.svg" width={38} height={38} alt="" />
        <h1 className="mt-5 text-2xl font-semibold tracking-[-0.025em]">{t('signin.heading')}</h1>
        <p className="mt-1 text-ink-2">{t('signin.lead')}</p>
        <form onSubmit={submit} className="mt-6 grid gap-4">
          <Field label={t('signin.email')}>{(p) => <input {...p} name="email" type="email" autoComplete="username" required autoFocus className="input" />}</Field>
          <Field label={t('signin.password')} error={wrong ? t('signin.wrong') : undefined}>{(p) => <input {...p} name="password" type="password" autoComplete="current-password" required className="input" />}</Field>
          {enter.error && !wrong ? <ProblemNote error={enter.error} /> : null}
          <Button type="submit" look="primary" busy={enter.isPending} className="mt-1 w-full">{t('signin.do')}</Button>
        </form>
      </main>
    </Backdrop>
  )
}
