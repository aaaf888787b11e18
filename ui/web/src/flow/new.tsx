// A new flow: drafted by the server for a table and a column, so nobody begins empty.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { post, put, seg } from '../api/http'
import { flowsQuery, tablesQuery } from '../api/queries'
import type { FlowDoc } from '../api/types'
import { Dialog } from '../design/dialog'
import { Button, Field } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { t } from '../i18n'
import { freeName } from '../predict/rules'

export function NewFlow({ onClose }: { onClose: () => void }) {
  const tables = (useQuery(tablesQuery).data ?? []).filter((x) => x.rows > 0 && !x.name.endsWith('__rejects'))
  const taken = (useQuery(flowsQuery).data ?? []).map((d) => d.flow.metadata?.name)
  const [table, setTable] = useState('')
  const [target, setTarget] = useState('')
  const [time, setTime] = useState<string>()
  const go = useNavigate()
  const cache = useQueryClient()
  const columns = tables.find((x) => x.name === table)?.schema.columns ?? []
  const when = time ?? columns.find((c) => /^(date|timestamp)/.test(c.type))?.name ?? ''
  const make = useMutation({
    mutationFn: async () => {
      const name = freeName(table.split('.')[1] ?? 'flow', taken)
      const draft = await post<FlowDoc>('/api/flows/suggest', { table, target, time: when || undefined, name })
      return put<FlowDoc>(`/api/flows/${seg(name)}`, { flow: draft.flow, layout: draft.layout })
    },
    onSuccess: async (doc) => {
      await cache.invalidateQueries({ queryKey: ['flows'] })
      await go({ to: '/flow/$name', params: { name: doc.flow.metadata?.name ?? '' } })
    },
  })
  return (
    <Dialog open onClose={onClose} title={t('flow.new')} size="sm">
      <form className="grid gap-4" onSubmit={(e) => { e.preventDefault(); make.mutate() }}>
        <Field label={t('flow.fromTable')}>{(p) => <select {...p} className="input" value={table} onChange={(e) => { setTable(e.target.value); setTarget(''); setTime(undefined) }}><option value="">{t('form.choose')}</option>{tables.map((x) => <option key={x.name}>{x.name}</option>)}</select>}</Field>
        <Field label={t('flow.target')} help={t('flow.targetHelp')}>{(p) => <select {...p} className="input" value={target} disabled={!table} onChange={(e) => setTarget(e.target.value)}><option value="">{t('form.choose')}</option>{columns.map((c) => <option key={c.name}>{c.name}</option>)}</select>}</Field>
        <Field label={t('flow.when')} help={t('flow.whenHelp')}>{(p) => <select {...p} className="input" value={when} disabled={!table} onChange={(e) => setTime(e.target.value)}><option value="">{t('form.choose')}</option>{columns.map((c) => <option key={c.name}>{c.name}</option>)}</select>}</Field>
        <ProblemNote error={make.error} />
        <div className="flex items-center justify-end gap-2">{!(table && target) && <span className="mr-auto text-[13px] text-ink-2">{t('flow.chooseBoth')}</span>}<Button onClick={onClose}>{t('cancel')}</Button><Button type="submit" look="primary" busy={make.isPending} disabled={!table || !target}>{t('flow.draft')}</Button></div>
      </form>
    </Dialog>
  )
}
