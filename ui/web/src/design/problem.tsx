// What went wrong, and what can be done about it.
import { asProblem } from '../api/problem'
import { t, tryT } from '../i18n'
import { Icon } from './icon'
import { Button, Skeleton } from './kit'
import type { ReactNode } from 'react'

export function ProblemNote({ error, again, title }: { error: unknown; again?: () => void; title?: string }) {
  if (!error) return null
  const p = asProblem(error)
  const what = p.kind === 'unreachable' ? t('problem.unreachableText') : p.message
  return (
    <div role="alert" className="flex gap-3 rounded-card border border-bad/40 bg-bad-soft px-4 py-3 text-[13.5px]">
      <Icon name="alert" className="mt-px text-bad" />
      <div className="min-w-0 flex-1">
        <p className="font-semibold">{title ?? tryT(`problem.${p.kind}`, t('problem.internal'))}</p>
        <p className="break-words">{what}</p>
        {p.fields.length > 0 && (
          <ul className="mt-1 list-disc pl-5">{p.fields.map((f, i) => <li key={i}>{f.path && <code className="font-mono text-[12.5px]">{f.path}</code>} {f.text}</li>)}</ul>
        )}
        <p className="mt-1 text-ink-2">{tryT(`problem.${p.kind}Do`, '')}</p>
      </div>
      {again && <Button small onClick={again}>{t('again')}</Button>}
    </div>
  )
}

interface Asked<T> { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown }

/** Loaded draws what a query brought; before that a shape of it, and its problem otherwise. */
export function Loaded<T>({ query, children, lines = 4 }: { query: Asked<T>; children: (data: T) => ReactNode; lines?: number }) {
  if (query.data !== undefined) return <>{query.error ? <div className="mb-4"><ProblemNote error={query.error} again={() => void query.refetch()} /></div> : null}{children(query.data)}</>
  if (query.error) return <ProblemNote error={query.error} again={() => void query.refetch()} />
  return <div className="card p-5" aria-busy="true"><span className="sr-only" role="status">{t('loading')}</span><Skeleton lines={lines} /></div>
}
