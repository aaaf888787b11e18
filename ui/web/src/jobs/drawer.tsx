// The jobs drawer: what runs now with its progress, and what ran lately.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { post } from '../api/http'
import type { Job, JobState } from '../api/types'
import { useMay } from '../app/session'
import { Dialog } from '../design/dialog'
import { ago, bytes, count, millis } from '../design/format'
import { Icon } from '../design/icon'
import { Badge, Button, Ghost, Progress, Spinner, type Tone } from '../design/kit'
import { t, tryT } from '../i18n'
import { isRunning, share, useJobs } from './use'

const tone: Record<JobState, Tone> = { queued: 'plain', running: 'accent', succeeded: 'good', failed: 'bad', cancelled: 'plain' }

export function JobBadge({ state }: { state: JobState }) {
  return <Badge tone={tone[state] ?? 'plain'} dot>{tryT(`jobs.state.${state}`, state)}</Badge>
}

export function JobsButton({ compact }: { compact?: boolean }) {
  const [open, setOpen] = useState(false)
  const jobs = useJobs().data ?? []
  const running = jobs.filter(isRunning).length
  return (
    <>
      <button type="button" onClick={() => setOpen(true)} className={compact ? 'inline-flex min-h-10 items-center gap-2 rounded-lg px-3 text-sm font-medium hover:bg-sunken' : 'flex min-h-9 w-full items-center gap-3 rounded-lg px-2.5 text-ink-2 hover:bg-line/50 hover:text-ink'}>
        {running ? <span className="text-accent"><Spinner size={18} /></span> : <Icon name="jobs" />}
        {t('jobs.title')}
        {running > 0 && <span className="ml-auto rounded-full bg-accent-soft px-2 text-xs font-medium text-accent-strong">{t('jobs.running', { count: running })}</span>}
      </button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t('jobs.title')} side="right">
        {jobs.length === 0 ? <Ghost icon="jobs" title={t('jobs.none')}>{t('jobs.noneText')}</Ghost> : <ul className="grid gap-2">{jobs.map((j) => <li key={j.id}><JobCard job={j} /></li>)}</ul>}
      </Dialog>
    </>
  )
}

export function JobCard({ job }: { job: Job }) {
  const may = useMay('write')
  const cache = useQueryClient()
  const cancel = useMutation({ mutationFn: () => post(`/api/jobs/${job.id}/cancel`), onSettled: () => cache.invalidateQueries({ queryKey: ['jobs'] }) })
  const running = isRunning(job)
  return (
    <article className="rounded-xl border border-line bg-surface p-3.5">
      <div className="flex items-start justify-between gap-3">
        <h3 className="min-w-0 text-[13.5px] font-medium break-words">{job.title}</h3>
        <JobBadge state={job.state} />
      </div>
      {running && <div className="mt-2.5"><Progress value={share(job.progress)} label={job.title} /></div>}
      <div className="mt-1.5 flex items-center justify-between gap-3 text-[12.5px] text-ink-2">
        <span>{running ? progressText(job.progress) : took(job)}</span>
        {running && may && <Button small look="quiet" icon="stop" busy={cancel.isPending} onClick={() => cancel.mutate()}>{t('cancel')}</Button>}
      </div>
      {job.error && <p className="mt-1.5 text-[13px] break-words text-bad">{job.error}</p>}
    </article>
  )
}

export function progressText(p: Job['progress'] | null | undefined): string {
  if (!p) return ''
  const n = (v: number) => (p.unit === 'bytes' ? bytes(v) : count(v))
  const unit = p.unit && p.unit !== 'bytes' ? ` ${tryT(`unit.${p.unit}`, p.unit)}` : ''
  const amount = p.total ? t('jobs.of', { done: n(p.done), total: n(p.total) }) + unit : p.done ? n(p.done) + unit : ''
  return [p.step, amount].filter(Boolean).join(' · ')
}

function took(job: Job): string {
  const end = job.finished ?? job.created
  const ms = job.started && job.finished ? Date.parse(job.finished) - Date.parse(job.started) : 0
  return [ago(end), ms > 0 ? t('jobs.took', { time: millis(ms) }) : ''].filter(Boolean).join(' · ')
}
