// A SQL cell: editor, run and cancel, the rows that came, a chart of them.
import { useEffect, useRef, useState, type Dispatch } from 'react'
import { post } from '../api/http'
import type { Rows } from '../api/types'
import { bytes, count, millis, moment } from '../design/format'
import { Grid } from '../design/grid'
import { Button, Card } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { t } from '../i18n'
import { csv, lines, type Cell, type Edit } from './cells'
import { ChartBox } from './chart'
import { SqlEditor, type Schema } from './editor'
import { keepOutput, lastOutput } from './outputs'
import { CellTools } from './tools'

type Outcome = { at: 'none' } | { at: 'running'; since: number } | { at: 'rows'; rows: Rows; ms: number; since?: number } | { at: 'failed'; error: unknown } | { at: 'cancelled' }

export function SqlCell({ project, cell, at, schema, tell, last, begin }: { project: string; cell: Cell; at: number; schema: Schema; tell: Dispatch<Edit>; last: boolean; begin?: boolean }) {
  const [out, setOut] = useState<Outcome>(() => { const o = lastOutput(project, cell.id, cell.text); return o ? { at: 'rows', rows: o.rows, ms: o.ms, since: o.at } : { at: 'none' } })
  const abort = useRef<AbortController | null>(null)
  useEffect(() => {
    if (begin) void run()
    return () => abort.current?.abort()
  }, []) // eslint-disable-line react-hooks/exhaustive-deps -- once

  async function run() {
    abort.current?.abort()
    if (!cell.text.trim()) return
    const mine = (abort.current = new AbortController())
    const since = performance.now()
    setOut({ at: 'running', since })
    try {
      const rows = await post<Rows>('/api/sql', { sql: cell.text }, mine.signal)
      if (abort.current !== mine) return
      const whole = { ...rows, columns: rows.columns ?? [], rows: rows.rows ?? [] }, ms = rows.ms ?? performance.now() - since
      setOut({ at: 'rows', rows: whole, ms })
      keepOutput(project, cell.id, { text: cell.text, rows: whole, ms, at: Date.now() })
    } catch (error) {
      if (abort.current === mine) setOut(mine.signal.aborted ? { at: 'cancelled' } : { at: 'failed', error })
    }
  }
  function save(rows: Rows, as: 'csv' | 'json') {
    const names = rows.columns.map((c) => c.name)
    const url = URL.createObjectURL(as === 'csv' ? new Blob([csv(names, rows.rows)], { type: 'text/csv' }) : new Blob([lines(names, rows.rows)], { type: 'application/json' }))
    Object.assign(document.createElement('a'), { href: url, download: `${t('sql.file')}.${as}` }).click()
    setTimeout(() => URL.revokeObjectURL(url), 1000)
  }
  const label = t('sql.cellN', { n: at + 1 })
  return (
    <Card className="p-3" aria-label={label}>
      <SqlEditor label={label} value={cell.text} schema={schema} onChange={(text) => tell({ type: 'text', id: cell.id, text })} onRun={() => void run()} />
      <div className="mt-2 flex flex-wrap items-center gap-1.5">
        {out.at === 'running' ? <Button small icon="stop" onClick={() => abort.current?.abort()}>{t('cancel')}</Button> : <Button small look="primary" icon="play" onClick={() => void run()}>{t('sql.run')}</Button>}
        <span className="px-1 text-[12.5px] text-ink-3 max-sm:hidden">{t('sql.runKey')}</span>
        <span role="status" className="text-[13px] text-ink-2 tabular-nums">{out.at === 'running' ? t('sql.running') : out.at === 'cancelled' ? t('sql.cancelled') : out.at === 'rows' ? [t('data.rows', { count: out.rows.rows.length, n: count(out.rows.rows.length) }), millis(out.ms), out.rows.bytes_read && t('sql.read', { n: bytes(out.rows.bytes_read) }), out.since && t('sql.asOf', { time: moment(new Date(out.since)) })].filter(Boolean).join(' · ') : ''}</span>
        <span className="ml-auto flex flex-wrap">
          {out.at === 'rows' && out.rows.rows.length > 0 && <>
            <Button small look="quiet" icon="chart" aria-pressed={!!cell.chart} onClick={() => tell({ type: 'chart', id: cell.id, chart: cell.chart ? undefined : { kind: 'bar', x: '', y: '' } })}>{cell.chart ? t('sql.noChart') : t('sql.chart')}</Button>
            <Button small look="quiet" icon="download" onClick={() => save(out.rows, 'csv')}>{t('sql.export')}</Button>
            <Button small look="quiet" icon="download" onClick={() => save(out.rows, 'json')}>{t('sql.exportJson')}</Button>
          </>}
          <CellTools id={cell.id} first={at === 0} last={last} tell={tell} />
        </span>
      </div>
      {out.at === 'failed' && <div className="mt-3"><ProblemNote error={out.error} /></div>}
      {out.at === 'rows' && (
        <div className="mt-3 grid gap-3">
          {cell.chart && out.rows.rows.length > 0 && <ChartBox chart={cell.chart} rows={out.rows} onChange={(chart) => tell({ type: 'chart', id: cell.id, chart })} />}
          {out.rows.rows.length > 0 ? <Grid columns={out.rows.columns} rows={out.rows.rows} label={t('sql.result', { n: at + 1 })} height={420} /> : <p className="px-1 text-ink-2">{t('sql.noRows')}</p>}
          {out.rows.truncated && <p className="text-[13px] text-warn">{t('sql.truncated', { n: count(out.rows.rows.length) })}</p>}
        </div>
      )}
    </Card>
  )
}
