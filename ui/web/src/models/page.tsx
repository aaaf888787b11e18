// The registry: every model with the version in charge, and runs that are under way.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { modelsQuery, runsQuery } from '../api/queries'
import type { Model, Run } from '../api/types'
import { ago, score, human, metricName } from '../design/format'
import { Badge, Card, Figure, Ghost, Page } from '../design/kit'
import { Loaded } from '../design/problem'
import { List } from '../design/table'
import { t } from '../i18n'
import { JobBadge } from '../jobs/drawer'
import { judge } from './judge'
import { TrainButton } from './train'

export function Models() {
  const models = useQuery(modelsQuery)
  const runs = useQuery(runsQuery).data ?? []
  const open = runs.filter((r) => r.state !== 'succeeded').slice(0, 8)
  return (
    <Page title={t('models.title')} lead={t('models.lead')} actions={<TrainButton />}>
      <Loaded query={models}>
        {(all) => all.length === 0 ? <Ghost icon="models" title={t('models.none')}>{t('models.noneText')}</Ghost> : <div className="grid gap-4 md:grid-cols-2">{all.map((m) => <ModelCard key={m.name} m={m} runs={runs} />)}</div>}
      </Loaded>
      {open.length > 0 && (
        <Card title={t('models.unfinished')} className="mt-6 pb-2">
          <List rows={open} label={t('models.unfinished')} id={(r) => r.id} cols={[
            { head: t('models.model'), cell: (r) => <span className="font-medium">{human(r.spec.model)}</span> },
            { head: t('models.state'), cell: (r) => <JobBadge state={r.state} /> },
            { head: t('models.why'), grow: true, hide: true, cell: (r) => <span className="text-ink-2">{r.error}</span> },
            { head: t('models.when'), right: true, cell: (r) => <span className="whitespace-nowrap text-ink-2">{ago(r.created)}</span> },
          ]} />
        </Card>
      )}
    </Page>
  )
}

function ModelCard({ m, runs }: { m: Model; runs: Run[] }) {
  const versions = m.versions ?? []
  const champion = m.aliases?.champion
  const v = versions.find((x) => x.number === champion) ?? versions.toSorted((a, b) => b.number - a.number)[0]
  const run = v && runs.find((r) => r.id === v.run)
  const metric = run?.metric ?? Object.keys(v?.metrics ?? {})[0]
  const verdict = run && judge(run.metric, v?.metrics?.[run.metric] ?? run.metrics?.[run.metric], run.baseline?.[run.metric])
  return (
    <Link to="/models/$model" params={{ model: m.name }} className="card block p-5 hover:border-accent">
      <div className="flex items-start justify-between gap-3"><h2 className="text-base font-semibold tracking-[-0.01em]">{human(m.name)}</h2>{verdict && <Badge tone={verdict.tone} dot>{t(`verdict.${verdict.word}`)}</Badge>}</div>
      <p className="mt-0.5 text-ink-2">{m.doc || (run ? t('models.predicts', { target: run.spec.target || run.set?.spec.label || '' }) : '')}</p>
      {v && (
        <dl className="mt-4 flex flex-wrap gap-x-8 gap-y-2">
          {metric && v.metrics?.[metric] !== undefined && <Figure label={metricName(metric)} note={run?.baseline?.[metric] !== undefined ? t('models.guess', { n: score(run.baseline[metric]) }) : undefined}>{score(v.metrics[metric])}</Figure>}
          <Figure label={champion === v.number ? t('models.champion') : t('models.newest')} note={ago(v.created)}>{t('models.version', { n: v.number })}</Figure>
        </dl>
      )}
    </Link>
  )
}
