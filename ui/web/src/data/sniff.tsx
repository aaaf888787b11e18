// What was found in the file, with types that can be corrected before it is taken in.
import type { Dispatch, ReactNode } from 'react'
import { bytes, count } from '../design/format'
import { Badge, Button, Card, Field } from '../design/kit'
import { t, tryT } from '../i18n'
import type { Event, State } from './state'
import { badTableName } from './upload'

const types = ['string', 'long', 'double', 'boolean', 'date', 'timestamp', 'timestamptz', 'time', 'uuid', 'decimal(18,2)']

export function SniffForm({ state, tell, onIngest, onStop, children }: { state: Extract<State, { at: 'sniffed' | 'ingesting' }>; tell: Dispatch<Event>; onIngest: () => void; onStop: () => void; children?: ReactNode }) {
  const { sniff } = state
  const busy = state.at === 'ingesting'
  const bad = badTableName(state.table)
  return (
    <form className="grid gap-5" onSubmit={(e) => { e.preventDefault(); if (!bad) onIngest() }}>
      <Card className="p-5">
        <div className="flex flex-wrap items-end gap-4">
          <div className="min-w-56 flex-1"><Field label={t('upload.table')} help={t('upload.tableHelp')} error={bad ? t('upload.tableBad') : undefined}>{(p) => <input {...p} className="input font-mono" value={state.table} disabled={busy} onChange={(e) => tell({ type: 'table', table: e.target.value })} />}</Field></div>
          <div className="flex gap-2 pb-6"><Button type="submit" look="primary" busy={busy} disabled={bad}>{t('upload.take')}</Button><Button onClick={onStop}>{t('cancel')}</Button></div>
        </div>
        {children}
        <p className="mt-1 flex flex-wrap gap-2 text-[13px]">
          <Badge>{state.name}</Badge><Badge>{bytes(state.size)}</Badge><Badge>{sniff.encoding}</Badge>
          <Badge>{tryT(`delimiter.${sniff.delimiter === '\t' ? 'tab' : sniff.delimiter}`, sniff.delimiter)}</Badge><Badge>{t('upload.sampled', { count: sniff.rows_sampled, n: count(sniff.rows_sampled) })}</Badge>
        </p>
        <label className="mt-3 inline-flex min-h-6 items-center gap-2 text-[13.5px]"><input type="checkbox" className="size-4 accent-accent" checked={state.header} disabled={busy} onChange={(e) => tell({ type: 'header', header: e.target.checked })} />{t('upload.header')}</label>
        {sniff.warnings?.map((w) => <p key={w} className="mt-2 rounded-lg bg-warn-soft px-3 py-2 text-[13px] text-warn">{w}</p>)}
      </Card>
      <Card title={t('upload.found', { count: sniff.columns.length })}>
        <div className="overflow-x-auto px-2 pb-3" tabIndex={0} role="region" aria-label={t('upload.found', { count: sniff.columns.length })}>
          <table className="text-left text-[13px]">
            <thead>
              <tr className="align-top">{sniff.columns.map((c) => (
                <th key={c.name} scope="col" className="min-w-36 border-b border-line px-2 pb-2.5 font-normal">
                  <span className="block truncate font-medium" title={c.name}>{c.name}</span>
                  <select aria-label={t('upload.typeOf', { column: c.name })} disabled={busy} value={state.types[c.name] ?? c.type} onChange={(e) => tell({ type: 'type', column: c.name, to: e.target.value })} className="input mt-1 min-h-8! px-2! py-1! text-[13px]!">
                    {[...new Set([c.type, ...types])].map((x) => <option key={x} value={x}>{tryT(`type.${x}`, x)}</option>)}
                  </select>
                  {(c.bad ?? 0) > 0 && <span className="mt-1 block text-xs text-bad">{t('upload.bad', { count: c.bad, n: count(c.bad ?? 0) })}</span>}
                </th>))}
              </tr>
            </thead>
            <tbody>{sniff.preview.slice(0, 8).map((r, i) => <tr key={i} className="border-b border-line/60 last:border-0">{sniff.columns.map((c, j) => <td key={c.name} className="max-w-48 truncate px-2 py-1.5 whitespace-nowrap tabular-nums">{r[j] || <span className="text-ink-3 italic">{t('grid.none')}</span>}</td>)}</tr>)}</tbody>
          </table>
        </div>
      </Card>
    </form>
  )
}
