// How a step stands, in words, a colour and a shape.
import type { NodeEvent } from '../api/types'
import { count, millis } from '../design/format'
import { Icon } from '../design/icon'
import { cx, Spinner } from '../design/kit'
import { t } from '../i18n'

export function StateLine({ state }: { state?: NodeEvent }) {
  if (!state) return null
  const facts = [state.rows ? t('data.rows', { count: state.rows, n: count(state.rows) }) : '', state.ms && !state.cached ? millis(state.ms) : '', state.cached ? t('flow.cached') : ''].filter(Boolean)
  const tone = { waiting: 'text-ink-2', running: 'text-accent-strong', done: 'text-good', failed: 'text-bad', skipped: 'text-ink-2' }[state.state] ?? 'text-ink-2'
  const told = state.state === 'failed' || (state.state === 'running' && state.message)
  return (
    <span className={cx('flex items-center gap-1.5', tone)}>
      {state.state === 'running' ? <Spinner size={13} /> : state.state === 'done' ? <Icon name="check" size={14} /> : state.state === 'failed' ? <Icon name="alert" size={14} /> : null}
      <span className="truncate" title={state.message}>{told && state.message ? state.message : t(`flow.state.${state.state}`)}</span>
      {facts.length > 0 && <span className="ml-auto shrink-0 text-ink-2 tabular-nums">{facts.join(' · ')}</span>}
    </span>
  )
}
