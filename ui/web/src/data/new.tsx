// From a file to a table: send it in parts, look at what it holds, correct the types,
// take it in. The page is a small machine: state.ts holds its rules.
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useCallback, useEffect, useReducer, useRef } from 'react'
import { finished } from '../api/jobs'
import { del, post } from '../api/http'
import type { Job, Load, Sniff } from '../api/types'
import { bytes, count, percent } from '../design/format'
import { Icon } from '../design/icon'
import { Button, buttonClass, Card, Figure, Page, Progress } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { t } from '../i18n'
import { progressText, } from '../jobs/drawer'
import { share } from '../jobs/use'
import { DropZone } from './dropzone'
import { accept } from './incoming'
import { SniffForm } from './sniff'
import { begin, step, typesToSend } from './state'
import { tableName, upload } from './upload'

export function NewTable() {
  const [state, tell] = useReducer(step, begin)
  const abort = useRef<AbortController | null>(null)
  const job = useRef('')
  const cache = useQueryClient()

  const take = useCallback(async (file: File) => {
    abort.current?.abort()
    const mine = (abort.current = new AbortController())
    tell({ type: 'file', name: file.name, size: file.size, table: tableName(file.name) })
    try {
      const id = await upload(file, (sent) => tell({ type: 'sent', sent }), mine.signal)
      tell({ type: 'stored', upload: id })
      tell({ type: 'sniffed', sniff: await post<Sniff>(`/api/uploads/${id}/sniff`, {}, mine.signal) })
    } catch (error) {
      if (!mine.signal.aborted) tell({ type: 'failed', error })
    }
  }, [])

  useEffect(() => {
    const file = accept()
    if (file) void take(file)
  }, [take])
  useEffect(() => () => abort.current?.abort(), [])

  async function ingest() {
    if (state.at !== 'sniffed') return
    tell({ type: 'ingesting' })
    try {
      const types = typesToSend(state)
      const begun = await post<Job>('/api/ingest', { upload: state.upload, table: state.table, has_header: state.header, ...(types ? { types } : {}) })
      job.current = begun.id
      const end = await finished(begun, (e) => { if (e.type === 'progress') tell({ type: 'progress', progress: e.data as Job['progress'] }) })
      tell({ type: 'loaded', load: end.result as Load })
    } catch (error) {
      tell({ type: 'failed', error })
    }
    await cache.invalidateQueries()
  }
  function stop() {
    abort.current?.abort()
    if (state.at !== 'ingesting' && 'upload' in state && state.upload) void del(`/api/uploads/${state.upload}`).catch(() => {})
    if (state.at === 'ingesting' && job.current) return void post(`/api/jobs/${job.current}/cancel`).catch(() => {}) // its end is shown as what it came to
    tell({ type: 'reset' })
  }

  return (
    <Page title={t('upload.title')} lead={t('upload.lead')} crumbs={<Link to="/data" className="hover:underline">{t('data.title')}</Link>}>
      {state.at === 'empty' && <DropZone large onFile={(f) => void take(f)} />}
      {state.at === 'sending' && (
        <Card className="p-6">
          <div className="mb-3 flex flex-wrap items-baseline justify-between gap-2"><p className="text-base font-semibold">{state.name}</p><p className="text-ink-2 tabular-nums">{state.sniffing ? t('upload.sniffing') : t('upload.sent', { done: bytes(state.sent), total: bytes(state.size), share: percent(state.size ? state.sent / state.size : 1) })}</p></div>
          <Progress value={state.sniffing ? null : state.size ? state.sent / state.size : 1} label={t('upload.sending', { name: state.name })} />
          <div className="mt-4"><Button small onClick={stop}>{t('cancel')}</Button></div>
        </Card>
      )}
      {(state.at === 'sniffed' || state.at === 'ingesting') && (
        <SniffForm state={state} tell={tell} onIngest={() => void ingest()} onStop={stop}>
          {state.at === 'ingesting' && <div className="grid gap-2"><Progress value={share(state.progress)} label={t('upload.taking')} /><p role="status" className="text-[13px] text-ink-2 tabular-nums">{progressText(state.progress) || t('upload.taking')}</p></div>}
        </SniffForm>
      )}
      {state.at === 'failed' && <div className="grid gap-4"><ProblemNote error={state.error} /><div className="flex gap-2">{state.back ? <Button onClick={() => tell({ type: 'back' })}>{t('upload.back')}</Button> : null}<Button onClick={stop}>{t('upload.other')}</Button></div></div>}
      {state.at === 'loaded' && <Result load={state.load} again={() => tell({ type: 'reset' })} />}
    </Page>
  )
}

function Result({ load, again }: { load: Load; again: () => void }) {
  return (
    <Card className="p-6 sm:p-8">
      <span className="mb-4 grid size-11 place-items-center rounded-xl bg-good-soft text-good"><Icon name="check" size={22} /></span>
      <h2 className="text-xl font-semibold tracking-[-0.02em]">{load.already ? t('upload.already', { table: load.table }) : t('upload.done', { table: load.table })}</h2>
      <p className="mt-1 text-ink-2">{load.already ? t('upload.alreadyText') : t('upload.doneText')}</p>
      <dl className="mt-5 flex flex-wrap gap-x-10 gap-y-3">
        <Figure label={t('upload.rows')}>{count(load.rows)}</Figure>
        {load.rejected > 0 && <Figure label={t('upload.rejected')} tone="bad">{count(load.rejected)}</Figure>}
        <Figure label={t('upload.size')}>{bytes(load.bytes)}</Figure>
      </dl>
      <div className="mt-6 flex flex-wrap gap-2">
        <Link to="/data/$table" params={{ table: load.table }} className={buttonClass('primary')}>{t('upload.open')}</Link>
        {load.rejected > 0 && <Link to="/data/$table" params={{ table: load.table }} search={{ tab: 'rejects' }} className={buttonClass()}>{t('upload.seeRejects')}</Link>}
        <Link to="/predict" search={{ table: load.table }} className={buttonClass()}>{t('data.predict')}</Link>
        <Link to="/prepare" search={{ table: load.table }} className={buttonClass()}>{t('upload.prepare')}</Link>
        <Button look="quiet" onClick={again}>{t('upload.another')}</Button>
      </div>
    </Card>
  )
}
