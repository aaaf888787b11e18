// One step of a recipe, closed as a line and open as a form drawn from its spec.
import { useState } from 'react'
import type { Column, Step, StepCount, StepReason, StepSpec } from '../api/types'
import { Dialog } from '../design/dialog'
import { cell, count, human } from '../design/format'
import { Icon } from '../design/icon'
import { Button, cx } from '../design/kit'
import { SpecForm } from '../design/specform'
import { missing } from '../design/specfields'
import { t } from '../i18n'
import type { Edit } from './rules'

export function StepCard({ at, step, spec, counts, reasons, columns, open, onOpen, tell, last }: { at: number; step: Step; spec?: StepSpec; counts?: StepCount; reasons: StepReason[]; columns: Column[]; open: boolean; onOpen: () => void; tell: (e: Edit) => void; last: boolean }) {
  const title = step.name || spec?.title || human(step.do)
  const lacks = missing(spec?.fields ?? [], step)
  return (
    <li className={cx('card overflow-hidden', open && 'border-accent/50!')}>
      <button type="button" aria-expanded={open} onClick={onOpen} className="flex w-full items-start gap-3 px-4 py-3 text-left hover:bg-sunken/60 focus-visible:-outline-offset-2">
        <span className="mt-0.5 grid size-5.5 shrink-0 place-items-center rounded-full bg-sunken text-xs font-medium text-ink-2">{at + 1}</span>
        <span className="min-w-0 flex-1">
          <span className="block font-medium">{title}</span>
          <span className="block truncate text-[13px] text-ink-2">{summary(step)}</span>
          {counts && <span className="mt-0.5 block text-[13px]"><StepEffect c={counts} /></span>}
          {lacks.length > 0 && <span className="mt-0.5 block text-[13px] text-bad">{t('prepare.needs', { fields: lacks.map(human).join(', ') })}</span>}
        </span>
        <Icon name={open ? 'up' : 'down'} size={16} className="mt-1 text-ink-3" />
      </button>
      {open && (
        <div className="grid gap-4 border-t border-line px-4 py-4">
          {spec?.help && <p className="text-[13px] text-ink-2">{spec.help}</p>}
          {reasons.map((r, i) => <p key={i} className="flex gap-2 rounded-lg bg-info-soft px-3 py-2 text-[13px]"><Icon name="info" size={16} className="mt-0.5 text-info" /><span>{r.text}</span></p>)}
          {spec ? <SpecForm fields={spec.fields} values={step} columns={columns} onChange={(field, value) => tell({ type: 'set', at, field, value })} /> : <p className="text-[13px] text-ink-2">{t('prepare.unknownStep')}</p>}
          <div className="flex flex-wrap gap-1">
            <Button small look="quiet" icon="up" disabled={at === 0} onClick={() => tell({ type: 'move', at, by: -1 })}>{t('prepare.earlier')}</Button>
            <Button small look="quiet" icon="down" disabled={last} onClick={() => tell({ type: 'move', at, by: 1 })}>{t('prepare.later')}</Button>
            <Button small look="quiet" icon="trash" onClick={() => tell({ type: 'remove', at })}>{t('prepare.removeStep')}</Button>
          </div>
        </div>
      )}
    </li>
  )
}

function StepEffect({ c }: { c: StepCount }) {
  const parts = [
    c.rows_touched > 0 && t('prepare.touched', { count: c.rows_touched, n: count(c.rows_touched) }),
    c.rows_in > c.rows_out + c.rejected && t('prepare.removed', { count: c.rows_in - c.rows_out - c.rejected, n: count(c.rows_in - c.rows_out - c.rejected) }),
    c.rejected > 0 && t('prepare.turnedAway', { count: c.rejected, n: count(c.rejected) }),
  ].filter(Boolean)
  return parts.length ? <span className="text-accent-strong">{parts.join(' · ')}</span> : <span className="text-ink-3">{t('prepare.untouched')}</span>
}

function summary(s: Step): string {
  return Object.entries(s).filter(([k]) => k !== 'do' && k !== 'name').map(([, v]) => (Array.isArray(v) ? v.map(cell).join(', ') : typeof v === 'object' && v ? Object.entries(v).map(([a, b]) => `${a}: ${cell(b)}`).join(', ') : cell(v))).filter(Boolean).join(' · ')
}

export function AddStep({ specs, onAdd }: { specs: StepSpec[]; onAdd: (kind: string) => void }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button icon="plus" onClick={() => setOpen(true)} className="w-full border-dashed!">{t('prepare.add')}</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t('prepare.add')}>
        <ul className="grid gap-1">
          {specs.map((s) => <li key={s.do}><button type="button" onClick={() => { setOpen(false); onAdd(s.do) }} className="w-full rounded-lg px-3 py-2 text-left hover:bg-sunken"><span className="block font-medium">{s.title}</span>{s.help && <span className="block text-[13px] text-ink-2">{s.help}</span>}</button></li>)}
        </ul>
      </Dialog>
    </>
  )
}
