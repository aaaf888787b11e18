// A file on its way to a table, without questions: types are as they are found.
import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { get, post } from '../api/http'
import { finished } from '../api/jobs'
import { listOf } from '../api/queries'
import type { Job, Load, Table } from '../api/types'
import { tableName, upload } from '../data/upload'
import { bytes } from '../design/format'
import { t } from '../i18n'
import { progressText } from '../jobs/drawer'
import { share } from '../jobs/use'
import { freeName } from './rules'

export type Taking = { at: 'none' } | { at: 'busy'; name: string; text: string; share: number | null } | { at: 'failed'; error: unknown } | { at: 'taken'; load: Load }

export function useTaking(ready: (table: string) => void) {
  const [state, setState] = useState<Taking>({ at: 'none' })
  const abort = useRef<AbortController | null>(null)
  const job = useRef('')
  const cache = useQueryClient()

  const take = useCallback(async (file: File) => {
    abort.current?.abort()
    const mine = (abort.current = new AbortController())
    const tell = (text: string, part: number | null) => { if (!mine.signal.aborted) setState({ at: 'busy', name: file.name, text, share: part }) }
    job.current = ''
    try {
      tell(t('predict.sending', { name: bytes(file.size) }), 0)
      const [table, id] = await Promise.all([tableFor(file), upload(file, (sent) => tell(t('upload.sent', { done: bytes(sent), total: bytes(file.size), share: '' }).replace(/ · $/, ''), file.size ? sent / file.size : 1), mine.signal)])
      tell(t('predict.looking'), null)
      await post(`/api/uploads/${id}/sniff`, {}, mine.signal)
      tell(t('predict.taking'), null)
      const begun = await post<Job>('/api/ingest', { upload: id, table }, mine.signal)
      job.current = begun.id
      const end = await finished(begun, (e) => { if (e.type === 'progress') tell(progressText(e.data as Job['progress']) || t('predict.taking'), share(e.data as Job['progress'])) }, mine.signal)
      const load = end.result as Load
      await cache.invalidateQueries()
      setState({ at: 'taken', load })
      ready(load.table)
    } catch (error) {
      if (!mine.signal.aborted) setState({ at: 'failed', error })
    }
  }, [cache, ready])

  const stop = useCallback(() => {
    abort.current?.abort()
    if (job.current) void post(`/api/jobs/${job.current}/cancel`).catch(() => {})
    job.current = ''
    setState({ at: 'none' })
  }, [])
  useEffect(() => () => abort.current?.abort(), [])
  return { state, take, stop }
}

/** tableFor is the file's own table if it was taken in before, and a free one otherwise: rows of two files are never mixed unasked. */
async function tableFor(file: File): Promise<string> {
  const wanted = tableName(file.name)
  const tables = listOf<Table>(await get('/api/tables'), 'tables').map((x) => x.name)
  if (!tables.includes(wanted)) return wanted
  const loads = listOf<Load>(await get('/api/loads'), 'loads')
  const before = loads.find((l) => l.file === file.name && l.bytes === file.size && tables.includes(l.table))
  return before?.table ?? freeName(wanted, tables)
}

