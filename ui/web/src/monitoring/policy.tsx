// The policy: from when a change counts, and what it starts.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { put, seg } from '../api/http'
import type { FieldSpec, Policy } from '../api/types'
import { useMay } from '../app/session'
import { Dialog } from '../design/dialog'
import { Button } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { SpecForm } from '../design/specform'
import { t } from '../i18n'

const fields = (): FieldSpec[] => [
  { name: 'window', type: 'enum', options: ['month', 'week', 'day', 'hour'], title: t('policy.window'), help: t('policy.windowHelp'), required: true },
  { name: 'min_rows', type: 'number', title: t('policy.minRows'), help: t('policy.minRowsHelp') },
  { name: 'psi', type: 'number', title: t('policy.psi'), help: t('policy.psiHelp') },
  { name: 'labels', type: 'table', title: t('policy.labels'), help: t('policy.labelsHelp') },
  { name: 'label_key', type: 'text', title: t('policy.labelKey') },
  { name: 'label', type: 'text', title: t('policy.label') },
  { name: 'label_time', type: 'text', title: t('policy.labelTime') },
  { name: 'metric', type: 'text', title: t('policy.metric') },
  { name: 'max_drop', type: 'number', title: t('policy.maxDrop'), help: t('policy.maxDropHelp') },
]
const retrainFields = (): FieldSpec[] => [
  { name: 'training_set', type: 'training_set', title: t('policy.set'), required: true },
  { name: 'budget', type: 'text', title: t('train.budget'), example: '60s' },
  { name: 'alias', type: 'text', title: t('policy.alias'), example: 'champion' },
  { name: 'min_gain', type: 'number', title: t('policy.minGain'), help: t('policy.minGainHelp') },
]

export function PolicyButton({ name, policy }: { name: string; policy?: Policy }) {
  const may = useMay('write')
  const [open, setOpen] = useState(false)
  if (!may) return null
  return <><Button icon="settings" onClick={() => setOpen(true)}>{t('policy.open')}</Button>{open && <PolicyDialog name={name} policy={policy} onClose={() => setOpen(false)} />}</>
}

function PolicyDialog({ name, policy, onClose }: { name: string; policy?: Policy; onClose: () => void }) {
  const [p, setP] = useState<Policy>({ window: 'month', min_rows: 200, psi: 0.2, alpha: 0.01, ...policy, deployment: name })
  const cache = useQueryClient()
  const save = useMutation({ mutationFn: () => put(`/api/monitors/${seg(name)}`, p), onSuccess: async () => { await cache.invalidateQueries({ queryKey: ['monitors', name] }); onClose() } })
  const retrain = p.retrain as unknown as Record<string, unknown> | undefined
  return (
    <Dialog open onClose={onClose} title={t('policy.title')}>
      <form className="grid gap-5" onSubmit={(e) => { e.preventDefault(); save.mutate() }}>
        <SpecForm fields={fields()} values={p as unknown as Record<string, unknown>} onChange={(k, v) => setP({ ...p, [k]: v })} />
        <label className="flex min-h-8 items-center gap-2.5 font-medium"><input type="checkbox" className="size-5 accent-accent" checked={!!p.retrain} onChange={(e) => setP({ ...p, retrain: e.target.checked ? { training_set: '', budget: '60s', alias: 'champion', min_gain: 0 } : undefined })} />{t('policy.retrain')}</label>
        {retrain && <SpecForm fields={retrainFields()} values={retrain} onChange={(k, v) => setP({ ...p, retrain: { ...p.retrain!, [k]: v } })} />}
        <ProblemNote error={save.error} />
        <div className="flex justify-end gap-2"><Button onClick={onClose}>{t('cancel')}</Button><Button type="submit" look="primary" busy={save.isPending}>{t('save')}</Button></div>
      </form>
    </Dialog>
  )
}
