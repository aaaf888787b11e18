// Jobs: long work of the server, followed by events and, where the stream breaks, by asking again.
import { get, send } from './http'
import { Problem } from './problem'
import { events } from './sse'
import type { Job, JobEvent } from './types'

export const done = (job: Job) => job.state === 'succeeded' || job.state === 'failed' || job.state === 'cancelled'

/**
 * follow calls seen for each event, in order and once, and returns the job when it is
 * done. A broken stream is taken up again after the last event seen.
 */
export async function follow(id: string, seen: (e: JobEvent) => void, signal?: AbortSignal): Promise<Job> {
  let after = 0
  for (let fails = 0; ; ) {
    try {
      const res = await send('GET', `/api/jobs/${id}/events`, { query: { after: after || undefined }, accept: 'text/event-stream', signal })
      for await (const m of events(res)) {
        fails = 0
        if (m.event === 'done') return JSON.parse(m.data) as Job
        const e = JSON.parse(m.data) as JobEvent
        if (e.seq <= after) continue
        after = e.seq
        seen(e)
      }
    } catch (err) {
      if (signal?.aborted || (err instanceof Problem && err.status >= 400 && err.status < 500)) throw err
      if (++fails > 5) throw err
    }
    const job = await get<Job>(`/api/jobs/${id}`, undefined, signal)
    if (done(job)) return job
    await new Promise((ok) => setTimeout(ok, 500 * (fails + 1)))
  }
}

/** finished follows a job to its end and throws its error if it failed. */
export async function finished(job: Job, seen: (e: JobEvent) => void = () => {}, signal?: AbortSignal): Promise<Job> {
  const end = await follow(job.id, seen, signal)
  if (end.state !== 'succeeded') throw new Problem(0, end.state === 'cancelled' ? 'cancelled' : (end.error_kind ?? 'internal'), end.error || end.title)
  return end
}
