// An answer of a model: what it says, how sure it is, and what it looked at.
import type { Answer, Signature } from '../api/types'
import { Bars } from '../design/charts'
import { figure, human, percent } from '../design/format'
import { Button, Card } from '../design/kit'
import { t } from '../i18n'
import { classes } from './request'

export function AnswerCard({ answer, signature, onTakeOver }: { answer: Answer; signature: Signature; onTakeOver?: () => void }) {
  const p = answer.predictions[0]
  if (!p) return null
  const scores = classes(p)
  return (
    <Card className="rise p-5" aria-live="polite" data-testid="prediction">
      <p className="text-[13px] text-ink-2">{t('endpoint.says', { model: human(answer.model), n: answer.version })}</p>
      <p className="mt-1 text-[28px] font-semibold tracking-[-0.03em]">{p.label || figure(p.value ?? p.score)}</p>
      {scores.length > 0 && <div className="mt-3"><Bars items={scores} format={(n) => percent(n, 1)} label={t('endpoint.scores')} /></div>}
      {scores.length === 0 && p.label !== undefined && p.label !== '' && <p className="text-ink-2">{t('endpoint.score', { positive: signature.positive ?? '', n: percent(p.score ?? 0, 1) })}</p>}
      {p.features && (
        <details className="mt-4 text-[13px]">
          <summary className="text-ink-2">{t('endpoint.used', { count: Object.keys(p.features).length })}</summary>
          <dl className="mt-2 grid grid-cols-[max-content_1fr] gap-x-6 gap-y-1">{Object.entries(p.features).map(([k, v]) => <div key={k} className="contents"><dt className="text-ink-2">{k}</dt><dd className="text-right tabular-nums">{v === null ? <span className="text-ink-3 italic">{t('grid.none')}</span> : String(v)}</dd></div>)}</dl>
          {onTakeOver && <Button small className="mt-3" onClick={onTakeOver}>{t('endpoint.whatIf')}</Button>}
        </details>
      )}
    </Card>
  )
}
