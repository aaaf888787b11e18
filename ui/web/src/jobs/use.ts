// Jobs as pages use them: what runs, start one and follow it, and what it changes.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { post } from '../api/http'
import { finished } from '../api/jobs'
import { jobsQuery } from '../api/queries'
import type { Job, JobEvent } from '../api/types'

export const isRunning = (j: Job) => j.state === 'queued' || j.state === 'running'

/** useJobs asks more often while something runs, and renews every page's data when a job ends. */
export function useJobs() {
  const cache = useQueryClient()
  const query = useQuery({ ...jobsQuery, refetchInterval: (q) => (q.state.data?.some(isRunning) ? 1500 : 15_000) })
  const before = useRef(new Set<string>())
  useEffect(() => {
    const now = new Set((query.data ?? []).filter(isRunning).map((j) => j.id))
    const ended = [...before.current].some((id) => !now.has(id))
    before.current = now
    if (ended) void cache.invalidateQueries({ predicate: (q) => q.queryKey[0] !== 'jobs' })
  }, [query.data, cache])
  return query
}

/** useWork starts a job and follows it to its end; the last progress is at hand meanwhile, and a way to stop it. */
export function useWork<A>(start: (args: A) => Promise<Job>, seen?: (e: JobEvent) => void) {
  const cache = useQueryClient()
  const [progress, setProgress] = useState<Job['progress'] | null>(null)
  const [job, setJob] = useState<Job | null>(null)
  const work = useMutation({
    mutationFn: async (args: A) => {
      setProgress(null)
      setJob(null)
      const job = await start(args)
      setJob(job)
      void cache.invalidateQueries({ queryKey: ['jobs'] })
      return finished(job, (e) => {
        if (e.type === 'progress') setProgress(e.data as Job['progress'])
        seen?.(e)
      })
    },
    onSettled: () => cache.invalidateQueries(),
  })
  const cancel = useMutation({ mutationFn: (id: string) => post(`/api/jobs/${id}/cancel`), onSettled: () => cache.invalidateQueries({ queryKey: ['jobs'] }) })
  return { ...work, progress, cancel: job && work.isPending && !cancel.isPending ? () => cancel.mutate(job.id) : undefined }
}

/** share of a progress between 0 and 1; null where the end is not known. */
export function share(p: Job['progress'] | null | undefined): number | null {
  return p?.total ? Math.min(1, p.done / p.total) : null
}
