// The newest model with its honest figure: beside it what guessing would have scored.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { runQuery } from '../api/queries'
import type { Deployment, Model, Run } from '../api/types'
import { Bars } from '../design/charts'
import { ago, count, score, human, metricName } from '../design/format'
import { Badge, buttonClass, Card, Figure } from '../design/kit'
import { t } from '../i18n'
import { importanceOf } from '../models/curves'
import { judge } from '../models/judge'

export function Newest({ run, model, deployed }: { run: Run; model?: Model; deployed?: Deployment }) {
  const whole = useQuery(runQuery(run.id)).data // the list has no curves
  const value = run.metrics?.[run.metric]
  const base = run.baseline?.[run.metric]
  const verdict = judge(run.metric, value, base)
  const aliases = Object.entries(model?.aliases ?? {}).filter(([, v]) => v === run.version).map(([a]) => a)
  const importance = importanceOf(whole?.curves).slice(0, 6)
  return (
    <Card title={t('home.newest')} action={<span className="text-[13px] text-ink-2">{ago(run.finished ?? run.created)}</span>}>
      <div className="grid gap-6 px-5 pt-1 pb-5 md:grid-cols-[1.25fr_1fr] lg:grid-cols-1 xl:grid-cols-[1.25fr_1fr]">
        <div>
          <div className="flex flex-wrap items-center gap-2">
            <span className="text-lg font-semibold tracking-[-0.02em]">{human(run.spec.model)}</span>
            {run.version ? <span className="text-ink-2">{t('models.version', { n: run.version })}</span> : null}
            {aliases.map((a) => <Badge key={a} tone="accent">{a}</Badge>)}
          </div>
          <p className="mt-1 text-ink-2">{t('home.predicts', { target: run.spec.target || run.set?.spec.label || '', rows: count(run.rows.train + run.rows.valid + run.rows.test) })}</p>
          <dl className="mt-4 flex flex-wrap gap-x-8 gap-y-3">
            <Figure label={metricName(run.metric)}>{score(value)}</Figure>
            {base !== undefined && <Figure label={t('home.guessing')}><span className="text-ink-2">{score(base)}</span></Figure>}
          </dl>
          <p className="mt-3 flex items-start gap-2"><Badge tone={verdict.tone} dot>{t(`verdict.${verdict.word}`)}</Badge><span className="text-[13px] text-ink-2">{t('home.unseen', { count: run.rows.test, n: count(run.rows.test) })}</span></p>
          <div className="mt-5 flex flex-wrap gap-2">
            {deployed && <Link to="/endpoints/$name" params={{ name: deployed.name }} className={buttonClass('primary')}>{t('home.try')}</Link>}
            <Link to="/models/$model" params={{ model: run.spec.model }} className={buttonClass()}>{t('home.see')}</Link>
          </div>
        </div>
        {importance.length > 0 && <div><h3 className="mb-3 text-[13px] font-medium text-ink-2">{t('curves.importance')}</h3><Bars items={importance} format={score} label={t('curves.importance')} /></div>}
      </div>
    </Card>
  )
}
