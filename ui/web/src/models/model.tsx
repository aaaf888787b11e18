// One model: what its version is worth, against guessing, and how it got there.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { put, seg } from '../api/http'
import { deploymentsQuery, modelQuery, runQuery } from '../api/queries'
import type { Deployment, Model, ModelVersion, Run } from '../api/types'
import { useMay } from '../app/session'
import { ago, count, score, human, lowerIsBetter, metricName } from '../design/format'
import { Badge, Button, buttonClass, Card, cx, Figure, Ghost, Page } from '../design/kit'
import { Loaded, ProblemNote } from '../design/problem'
import { List } from '../design/table'
import { t, tryT } from '../i18n'
import { LineageCard } from '../lineage/card'
import { CurveCards } from './curvecards'
import { judge } from './judge'
import { Leaderboard } from './leaderboard'
import { TrainButton } from './train'

const route = getRouteApi('/shell/models/$model')

export function ModelPage() {
  const { model: name } = route.useParams()
  const { version } = route.useSearch()
  const go = route.useNavigate()
  const query = useQuery(modelQuery(name))
  const versions = (query.data?.versions ?? []).toSorted((a, b) => b.number - a.number)
  const v = versions.find((x) => x.number === (version ?? query.data?.aliases?.champion)) ?? versions[0]
  const run = useQuery({ ...runQuery(v?.run ?? ''), enabled: !!v?.run }).data
  return (
    <Page title={human(name)} lead={query.data?.doc || (run && t('models.predicts', { target: run.spec.target || run.set?.spec.label || '' }))} crumbs={<Link to="/models" className="hover:underline">{t('models.title')}</Link>}
      actions={<>{v && <Deploy model={name} v={v} />}<TrainButton model={name} set={run?.set} /></>}>
      <Loaded query={query}>
        {(m) => !v ? <Ghost icon="models" title={t('models.noVersion')} /> : (
          <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_300px]">
            <div className="grid min-w-0 gap-5">
              <Worth v={v} run={run} m={m} />
              {run && run.leakage && run.leakage.length > 0 && <Leakage run={run} />}
              {run && <CurveCards curves={run.curves} />}
              {run?.leaderboard && run.leaderboard.length > 0 && <Card title={t('models.leaderboard')} className="pb-2"><Leaderboard trials={run.leaderboard} metric={run.metric} best={run.best} /></Card>}
            </div>
            <Card title={t('models.versions')} className="pb-3">
              <ul className="px-2">{versions.map((x) => (
                <li key={x.number}>
                  <button type="button" aria-current={x.number === v.number || undefined} onClick={() => void go({ search: { version: x.number }, replace: true })} className={cx('w-full rounded-lg px-3 py-2.5 text-left', x.number === v.number ? 'bg-sunken' : 'hover:bg-sunken/60')}>
                    <span className="flex flex-wrap items-center gap-2"><span className="font-medium">{t('models.version', { n: x.number })}</span>{Object.entries(m.aliases ?? {}).filter(([, n]) => n === x.number).map(([a]) => <Badge key={a} tone="accent">{tryT(`alias.${a}`, a)}</Badge>)}{x.status !== 'ready' && <Badge tone={x.status === 'refused' ? 'bad' : 'plain'}>{t(`models.status.${x.status}`)}</Badge>}</span>
                    <span className="text-[13px] text-ink-2">{ago(x.created)} · {x.by}</span>
                  </button>
                </li>
              ))}</ul>
            </Card>
            <div className="min-w-0 lg:col-span-2"><LineageCard kind="model" id={`${name}/${v.number}`} /></div>
          </div>
        )}
      </Loaded>
    </Page>
  )
}

function Worth({ v, run, m }: { v: ModelVersion; run?: Run; m: Model }) {
  const metrics = run?.metrics ?? v.metrics ?? {}
  const main = run?.metric ?? Object.keys(metrics)[0] ?? ''
  const verdict = judge(main, metrics[main], run?.baseline?.[main])
  const rest = Object.keys(metrics).filter((k) => k !== main)
  return (
    <Card className="p-6">
      <div className="flex flex-wrap items-start justify-between gap-4">
        <dl><Figure label={t('models.onUnseen', { metric: metricName(main) })}><span className="text-[40px] leading-tight tracking-[-0.04em]">{score(metrics[main])}</span></Figure></dl>
        <AliasMenu v={v} m={m} />
      </div>
      <p className="mt-1 flex flex-wrap items-center gap-2"><Badge tone={verdict.tone} dot>{t(`verdict.${verdict.word}`)}</Badge><span className="text-ink-2">{run?.baseline?.[main] !== undefined ? t('models.versus', { n: score(run.baseline[main]) }) : ''}</span></p>
      {v.status === 'refused' && <p className="mt-4 rounded-lg bg-bad-soft px-3 py-2 text-bad">{v.reason}</p>}
      {rest.length > 0 && (
        <div className="mt-5 -mx-3 border-t border-line pt-2">
          <List rows={rest} label={t('models.metrics')} id={(k) => k} cols={[
            { head: t('models.metric'), grow: true, cell: (k) => <>{metricName(k)}{lowerIsBetter(k) && <span className="text-ink-3"> · {t('models.lower')}</span>}</> },
            { head: t('models.thisModel'), right: true, cell: (k) => <span className="font-medium">{score(metrics[k])}</span> },
            { head: t('home.guessing'), right: true, cell: (k) => <span className="text-ink-2">{score(run?.baseline?.[k])}</span> },
          ]} />
        </div>
      )}
      {run && <p className="mt-3 text-[13px] text-ink-2">{t('models.split', { train: count(run.rows.train), valid: count(run.rows.valid), test: count(run.rows.test) })}</p>}
    </Card>
  )
}

function AliasMenu({ v, m }: { v: ModelVersion; m: Model }) {
  const may = useMay('write')
  const cache = useQueryClient()
  const at = m.aliases?.champion
  const crown = useMutation({ mutationFn: () => put(`/api/models/${seg(m.name)}/aliases/champion`, { version: v.number, ...(at ? { from: at } : {}) }), onSettled: () => cache.invalidateQueries() })
  if (at === v.number) return <Badge tone="accent" dot>{t('models.inCharge')}</Badge>
  if (!may || v.status !== 'ready') return null
  return <div className="grid justify-items-end gap-2"><Button busy={crown.isPending} onClick={() => crown.mutate()}>{t('models.crown')}</Button><ProblemNote error={crown.error} /></div>
}

function Leakage({ run }: { run: Run }) {
  return (
    <section className="rounded-card border border-warn/40 bg-warn-soft px-5 py-4">
      <h2 className="text-[15px] font-semibold">{t('models.leakage', { count: run.leakage!.length })}</h2>
      <ul className="mt-1.5 grid gap-1">{run.leakage!.map((l) => <li key={l.column}><span className="font-medium">{l.column}</span>: {l.reason}</li>)}</ul>
      <p className="mt-1.5 text-[13px] text-ink-2">{t('models.leakageText')}</p>
    </section>
  )
}

function Deploy({ model, v }: { model: string; v: ModelVersion }) {
  const may = useMay('write')
  const cache = useQueryClient()
  const go = route.useNavigate()
  const deployed = useQuery(deploymentsQuery).data?.find((d) => d.model === model)
  const deploy = useMutation({
    mutationFn: () => put<Deployment>(`/api/deployments/${seg(model)}`, { ref: v.aliases?.includes('champion') ? `${model}@champion` : `${model}/${v.number}` }),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: ['deployments'] })
      await go({ to: '/endpoints/$name', params: { name: model } })
    },
  })
  if (deployed) return <Link to="/endpoints/$name" params={{ name: deployed.name }} className={buttonClass()}>{t('models.openEndpoint')}</Link>
  if (!may || v.status !== 'ready') return null
  return <><Button icon="endpoint" busy={deploy.isPending} onClick={() => deploy.mutate()}>{t('models.deploy')}</Button><ProblemNote error={deploy.error} /></>
}
