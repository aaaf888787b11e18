// Pictures of how a model decides, each with one line on how to read it.
import type { Curves } from '../api/types'
import { Bars, LineChart } from '../design/charts'
import { count, percent, score } from '../design/format'
import { Card } from '../design/kit'
import { t } from '../i18n'
import { confusionOf, importanceOf, pointsOf, type Confusion } from './curves'

export function CurveCards({ curves }: { curves?: Curves }) {
  const roc = pointsOf(curves, 'roc'), pr = pointsOf(curves, 'pr'), calibration = pointsOf(curves, 'calibration')
  const predicted = pointsOf(curves, 'predicted')
  const confusion = confusionOf(curves)
  const importance = importanceOf(curves).slice(0, 12)
  const share = (n: number) => percent(n)
  const unit = { min: 0, max: 1, format: share }
  return (
    <div className="grid gap-5 md:grid-cols-2">
      {importance.length > 0 && <Curve title={t('curves.importance')} text={t('curves.importanceText')}><Bars items={importance} label={t('curves.importance')} format={score} /></Curve>}
      {calibration.length > 1 && <Curve title={t('curves.calibration')} text={t('curves.calibrationText')}><LineChart label={t('curves.calibration')} diagonal series={[{ name: t('curves.calibration'), points: calibration, colour: 'var(--c-cur)', dots: true }]} x={{ ...unit, label: t('curves.predicted') }} y={unit} /></Curve>}
      {roc.length > 1 && <Curve title={t('curves.roc')} text={t('curves.rocText')}><LineChart label={t('curves.roc')} diagonal series={[{ name: t('curves.roc'), points: roc, colour: 'var(--c-cur)' }]} x={{ ...unit, label: t('curves.fpr') }} y={unit} /></Curve>}
      {pr.length > 1 && <Curve title={t('curves.pr')} text={t('curves.prText')}><LineChart label={t('curves.pr')} series={[{ name: t('curves.pr'), points: pr, colour: 'var(--c-cur)' }]} x={{ ...unit, label: t('curves.recall') }} y={unit} /></Curve>}
      {predicted.length > 1 && <Curve title={t('curves.predictedTitle')} text={t('curves.predictedText')}><LineChart label={t('curves.predictedTitle')} diagonal series={[{ name: t('curves.predictedTitle'), points: predicted, colour: 'var(--c-cur)', dots: true, bare: true }]} x={{ label: t('curves.actual') }} /></Curve>}
      {confusion && <Curve title={t('curves.confusion')} text={t('curves.confusionText')}><Matrix c={confusion} /></Curve>}
    </div>
  )
}

function Matrix({ c }: { c: Confusion }) {
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label={t('curves.confusion')}>
      <table className="w-full border-separate border-spacing-1 text-center text-[13px]">
        <thead><tr><td />{c.classes.map((x) => <th key={x} scope="col" className="pb-1 font-normal text-ink-2">{t('curves.said', { name: x })}</th>)}</tr></thead>
        <tbody>{c.rows.map((r, i) => {
          const all = r.reduce((a, b) => a + b, 0) || 1
          return <tr key={c.classes[i]}><th scope="row" className="pr-2 text-right font-normal text-ink-2">{t('curves.was', { name: c.classes[i] })}</th>{r.map((n, j) => <td key={j} className="rounded-md py-3" style={{ background: `color-mix(in oklab, var(${i === j ? '--c-ref' : '--c-cur'}) ${8 + (n / all) * 42}%, var(--surface))` }}><span className="font-semibold">{count(n)}</span> <span>{percent(n / all)}</span></td>)}</tr>
        })}</tbody>
      </table>
    </div>
  )
}

function Curve({ title, text, children }: { title: string; text: string; children: React.ReactNode }) {
  return <Card title={title}><div className="px-5 pb-5"><p className="mb-4 text-[13px] text-ink-2">{text}</p>{children}</div></Card>
}
