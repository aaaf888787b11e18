import { Link, type ErrorComponentProps } from '@tanstack/react-router'
import { buttonClass, Ghost, Page } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { t } from '../i18n'

export function NotFound() {
  return (
    <main><Page title={t('notFound.title')}>
      <Ghost icon="search" title={t('notFound.text')} action={<Link to="/" className={buttonClass('primary')}>{t('notFound.home')}</Link>} />
    </Page></main>
  )
}

export function RouteProblem({ error, reset }: ErrorComponentProps) {
  return <main className="mx-auto max-w-2xl p-8"><h1 className="mb-4 text-2xl font-semibold">{t('problem.page')}</h1><ProblemNote error={error} again={reset} /></main>
}
