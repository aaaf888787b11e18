// One endpoint: try it, take the command away, see how it answers.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { get, post, seg } from '../api/http'
import { deploymentQuery, listOf, viewsQuery } from '../api/queries'
import type { Answer, Deployment, LoggedPrediction, Signature } from '../api/types'
import { Code } from '../design/code'
import { ago, count, figure, human, millis, percent } from '../design/format'
import { Button, buttonClass, Card, Field, Figure, Page } from '../design/kit'
import { Loaded, ProblemNote } from '../design/problem'
import { List } from '../design/table'
import { Tabs } from '../design/tabs'
import { t } from '../i18n'
import { LineageCard } from '../lineage/card'
import { AnswerCard } from './answer'
import { DeployedModel, StateBadge } from './page'
import { curl, groups, rowOf, wrong } from './request'

const route = getRouteApi('/shell/endpoints/$name')

export function EndpointPage() {
  const { name } = route.useParams()
  const query = useQuery({ ...deploymentQuery(name), refetchInterval: (q) => (q.state.data?.state === 'loading' ? 1000 : 15_000) })
  const d = query.data
  return (
    <Page title={human(name)} lead={d && <span className="flex flex-wrap items-center gap-3"><StateBadge d={d} /><DeployedModel d={d} /></span>} crumbs={<Link to="/endpoints" className="hover:underline">{t('endpoint.title')}</Link>}
      actions={d && <><Link to="/monitoring/$name" params={{ name }} className={buttonClass()}>{t('endpoint.watch')}</Link><Link to="/models/$model" params={{ model: d.model }} className={buttonClass()}>{t('endpoint.model')}</Link></>}>
      <Loaded query={query}>
        {(d) => (
          <div className="grid gap-5">
            {d.error && <p className="rounded-lg bg-bad-soft px-4 py-3 text-bad">{d.error}</p>}
            {d.requests > 0 && <Speed d={d} />}
            {d.signature && <Try d={d} signature={d.signature} />}
            <Last name={name} />
            <LineageCard kind="deployment" id={name} />
          </div>
        )}
      </Loaded>
    </Page>
  )
}

function Speed({ d }: { d: Deployment }) {
  return (
    <Card className="px-6 py-4">
      <dl className="flex flex-wrap gap-x-12 gap-y-3">
        <Figure label={t('endpoint.requests')} note={d.failed > 0 ? t('endpoint.failed', { count: d.failed, n: count(d.failed) }) : undefined}>{count(d.requests)}</Figure>
        {d.p50_ms > 0 && <Figure label={t('endpoint.typical')}>{millis(d.p50_ms)}</Figure>}
        {d.p99_ms > 0 && <Figure label={t('endpoint.slow')}>{millis(d.p99_ms)}</Figure>}
        <Figure label={t('endpoint.since')}>{ago(d.since)}</Figure>
      </dl>
    </Card>
  )
}

function Try({ d, signature }: { d: Deployment; signature: Signature }) {
  const cache = useQueryClient()
  const views = useQuery(viewsQuery).data ?? []
  const named = new Set(signature.inputs.map((i) => i.view?.split('@')[0]).filter(Boolean))
  const keys = [...new Set(views.filter((v) => named.has(v.view.name)).flatMap((v) => v.entity.keys ?? []))]
  const [way, setWay] = useState('')
  const [typed, setTyped] = useState<Record<string, string>>({})
  const [entity, setEntity] = useState<Record<string, string>>({})
  const how = way || (keys.length ? 'entity' : 'fields')
  const body = how === 'entity' ? { entities: [entity], features: true } : { rows: [rowOf(signature.inputs, typed)] }
  const bad = how === 'fields' ? wrong(signature.inputs, typed) : []
  const ask = useMutation({ mutationFn: () => post<Answer>(`/v1/predict/${seg(d.name)}`, body), onSuccess: () => cache.invalidateQueries({ queryKey: ['deployments'] }) })

  /** The features of the entity that was asked for become the starting point for what-if. */
  function takeOver() {
    const features = ask.data?.predictions[0]?.features ?? {}
    setTyped(Object.fromEntries(signature.inputs.map((i) => [i.name, features[i.name] === null || features[i.name] === undefined ? '' : String(features[i.name])])))
    setWay('fields')
  }
  const byEntity = () => <div className="grid max-w-sm gap-3">{keys.map((k) => <Field key={k} label={human(k)} help={t('endpoint.entityHelp')}>{(p) => <input {...p} className="input" value={entity[k] ?? ''} onChange={(e) => setEntity({ ...entity, [k]: e.target.value })} />}</Field>)}</div>
  const byFields = () => (
    <div className="grid gap-5">
      {groups(signature.inputs).map(([view, inputs]) => (
        <fieldset key={view} className="min-w-0">
          {view && <legend className="mb-2 text-[13px] font-semibold text-ink-2">{human(view)}</legend>}
          <div className="grid grid-cols-2 gap-x-3 gap-y-3 sm:grid-cols-3">{inputs.map((i) => <Field key={i.name} label={i.feature || i.name} error={bad.includes(i.name) ? t('endpoint.notNumber') : undefined}>{(p) => <input {...p} className="input" inputMode={i.type === 'float' ? 'decimal' : 'text'} value={typed[i.name] ?? ''} placeholder={i.type === 'float' ? t('endpoint.number') : t('endpoint.text')} onChange={(e) => setTyped({ ...typed, [i.name]: e.target.value })} />}</Field>)}</div>
        </fieldset>
      ))}
    </div>
  )
  const tabs = [...(keys.length ? [{ id: 'entity', label: t('endpoint.byEntity'), body: byEntity }] : []), { id: 'fields', label: t('endpoint.byFields'), body: byFields }]
  return (
    <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1.35fr)_minmax(0,1fr)]">
      <Card title={t('endpoint.try')} className="pb-5">
        <form className="px-5 pt-1" onSubmit={(e) => { e.preventDefault(); ask.mutate() }}>
          <Tabs label={t('endpoint.try')} active={how} onChange={setWay} tabs={tabs} />
          <div className="mt-5 flex flex-wrap items-center gap-3"><Button type="submit" look="primary" busy={ask.isPending} disabled={bad.length > 0 || (how === 'entity' && keys.some((k) => !entity[k]))}>{t('endpoint.predict')}</Button>{how === 'entity' && keys.some((k) => !entity[k]) && <span className="text-[13px] text-ink-2">{t('endpoint.needEntity')}</span>}</div>
        </form>
      </Card>
      <div className="grid min-w-0 gap-5">
        {ask.error ? <ProblemNote error={ask.error} /> : null}
        {ask.data && <AnswerCard answer={ask.data} signature={signature} onTakeOver={how === 'entity' ? takeOver : undefined} />}
        <Code label={t('endpoint.curl')} text={curl(location.origin, d.name, how === 'entity' ? { entities: [Object.fromEntries(keys.map((k) => [k, entity[k] || '1']))] } : body)} />
      </div>
    </div>
  )
}

function Last({ name }: { name: string }) {
  const query = useQuery({ queryKey: ['monitors', name, 'predictions'], queryFn: async ({ signal }) => listOf<LoggedPrediction>(await get(`/api/monitors/${seg(name)}/predictions`, { limit: 12 }, signal), 'predictions'), retry: false })
  if (!query.data?.length) return null
  return (
    <Card title={t('endpoint.last')} className="pb-2">
      <List rows={query.data} label={t('endpoint.last')} id={(_, i) => String(i)} cols={[
        { head: t('endpoint.about'), cell: (p) => <span className="font-medium">{p.entity || '–'}</span> },
        { head: t('endpoint.answer'), cell: (p) => p.label || figure(p.score) },
        { head: t('endpoint.scoreHead'), right: true, cell: (p) => (p.label ? percent(p.score, 1) : '') },
        { head: t('models.versionHead'), right: true, hide: true, cell: (p) => p.version },
        { head: t('data.when'), right: true, grow: true, cell: (p) => <span className="whitespace-nowrap text-ink-2">{ago(p.at)}</span> },
      ]} />
    </Card>
  )
}
