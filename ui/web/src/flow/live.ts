// The live state of a flow's nodes: taken up from the last run, followed while it runs.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { follow } from '../api/jobs'
import { get } from '../api/http'
import { asProblem } from '../api/problem'
import { listOf } from '../api/queries'
import type { Job, NodeEvent } from '../api/types'
import { isRunning } from '../jobs/use'

export type States = Record<string, NodeEvent>
export interface Live { states: States; running: boolean; job?: Job; error?: string; watch: (job: Job) => void }

/** useLive shows the newest run of a flow. Events are gathered and painted at most ten times a second. */
export function useLive(flow: string): Live {
  const cache = useQueryClient()
  const [job, setJob] = useState<Job>()
  const [states, setStates] = useState<States>({})
  const [error, setError] = useState<string>()
  const last = useQuery({ queryKey: ['jobs', 'flow', flow], queryFn: async ({ signal }) => listOf<Job>(await get('/api/jobs', { kind: 'flow.run', limit: 50 }, signal), 'jobs').find((j) => (j.args as { flow?: string } | undefined)?.flow === flow) ?? null })
  const id = job?.id ?? last.data?.id
  const begun = job ?? last.data
  const stop = useRef<AbortController | null>(null)

  useEffect(() => {
    if (!id || !begun) return
    const mine = (stop.current = new AbortController())
    let held: States = {}
    let timer: ReturnType<typeof setTimeout> | undefined
    const paint = () => { timer = undefined; setStates(held) }
    setStates({})
    setError(undefined)
    follow(id, (e) => {
      if (e.type !== 'node') return
      const n = e.data as NodeEvent
      held = { ...held, [n.node]: { ...held[n.node], ...n } }
      timer ??= setTimeout(paint, 100)
    }, mine.signal).then((end) => {
      clearTimeout(timer)
      setStates(settle(held, end))
      setError(end.error)
      setJob(end)
      if (isRunning(begun)) void cache.invalidateQueries()
    }).catch((err: unknown) => { if (!mine.signal.aborted) setError(asProblem(err).message) })
    return () => { mine.abort(); clearTimeout(timer) }
  }, [id]) // eslint-disable-line react-hooks/exhaustive-deps -- one stream per job

  return { states, running: !!begun && isRunning(begun), job: begun ?? undefined, error, watch: setJob }
}

/** settle ends what a job left open: a node that still "runs" in a job that is over was cut off. */
export function settle(states: States, end: Job): States {
  if (end.state === 'succeeded') return states
  return Object.fromEntries(Object.entries(states).map(([id, s]) => [id, s.state === 'running' ? { ...s, state: end.state === 'failed' ? 'failed' : 'skipped', message: s.message || end.error } : s])) as States
}
