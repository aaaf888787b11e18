// Make a training set: which rows carry the truth, and what was known at that time.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { post } from '../api/http'
import { tableQuery, tablesQuery } from '../api/queries'
import type { Job, TrainingSetSpec, ViewVersion } from '../api/types'
import { Dialog } from '../design/dialog'
import { human } from '../design/format'
import { Button, cx, Field } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { t } from '../i18n'
import { useWork } from '../jobs/use'
import { Working } from '../jobs/working'

export function MakeSet({ views, onClose }: { views: ViewVersion[]; onClose: () => void }) {
  const tables = useQuery(tablesQuery).data?.filter((x) => !x.name.endsWith('__rejects')) ?? []
  const [spec, setSpec] = useState<TrainingSetSpec>({ name: '', labels: '', time: '', label: '', views: views.map((v) => v.view.name) })
  const table = useQuery({ ...tableQuery(spec.labels ?? ''), enabled: !!spec.labels }).data
  const columns = table?.schema.columns.map((c) => c.name) ?? []
  const work = useWork((s: TrainingSetSpec) => post<Job>('/api/features/training-sets', s))
  const set = (part: Partial<TrainingSetSpec>) => setSpec({ ...spec, ...part })
  const chosen = spec.views ?? []
  const ready = /^[a-z][a-z0-9_]*$/.test(spec.name) && spec.labels && spec.label && (spec.time || chosen.length === 0)
  const pick = (value: string, options: string[], onChange: (v: string) => void) => (p: { id: string }) => (
    <select {...p} className="input" value={value} onChange={(e) => onChange(e.target.value)}><option value="">{t('form.choose')}</option>{options.map((o) => <option key={o}>{o}</option>)}</select>
  )
  return (
    <Dialog open onClose={onClose} title={t('features.makeSet')}>
      <form className="grid gap-4" onSubmit={(e) => { e.preventDefault(); work.mutate({ ...spec, time: spec.time || undefined }, { onSuccess: onClose }) }}>
        <Field label={t('features.name')} help={t('features.nameHelp')}>{(p) => <input {...p} className="input" value={spec.name} onChange={(e) => set({ name: e.target.value })} />}</Field>
        <Field label={t('features.labels')} help={t('features.labelsHelp')}>{pick(spec.labels ?? '', tables.map((x) => x.name), (labels) => set({ labels, time: '', label: '' }))}</Field>
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label={t('features.label')} help={t('features.labelHelp')}>{pick(spec.label, columns, (label) => set({ label }))}</Field>
          <Field label={t('features.time')} help={t('features.timeHelp')}>{pick(spec.time ?? '', columns, (time) => set({ time }))}</Field>
        </div>
        <Field label={t('features.views')} help={t('features.viewsHelp')}>
          {(p) => <div id={p.id} role="group" aria-label={t('features.views')} className="flex flex-wrap gap-1.5">{views.map((v) => {
            const on = chosen.includes(v.view.name)
            return <button key={v.view.name} type="button" aria-pressed={on} onClick={() => set({ views: on ? chosen.filter((x) => x !== v.view.name) : [...chosen, v.view.name] })} className={cx('min-h-8 rounded-full border px-3 text-[13px]', on ? 'border-accent bg-accent-soft font-medium text-accent-strong' : 'border-line text-ink-2')}>{human(v.view.name)}</button>
          })}</div>}
        </Field>
        <ProblemNote error={work.error} />
        <Working work={work} label={t('features.making')} />
        <div className="flex justify-end gap-2"><Button onClick={onClose}>{t('cancel')}</Button><Button type="submit" look="primary" busy={work.isPending} disabled={!ready} title={ready ? undefined : t('features.notReady')}>{t('features.make')}</Button></div>
        {!ready && <p className="text-right text-[13px] text-ink-2">{t('features.notReady')}</p>}
      </form>
    </Dialog>
  )
}
