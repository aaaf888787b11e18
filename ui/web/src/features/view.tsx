// One view: its versions, what it is made of, and a look-up by entity.
import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { post } from '../api/http'
import { viewQuery } from '../api/queries'
import type { FeatureVectors, ViewVersion } from '../api/types'
import { Code } from '../design/code'
import { ago, cell, count, human, moment } from '../design/format'
import { Icon } from '../design/icon'
import { Badge, Button, buttonClass, Card, Field, Ghost, Page } from '../design/kit'
import { Loaded, ProblemNote } from '../design/problem'
import { List } from '../design/table'
import { t, tryT } from '../i18n'
import { LineageCard } from '../lineage/card'

const route = getRouteApi('/shell/features/$view')

export function ViewPage() {
  const { view: name } = route.useParams()
  const query = useQuery(viewQuery(name))
  const versions = [...(query.data ?? [])].sort((a, b) => b.number - a.number)
  const v = versions[0]
  return (
    <Page title={human(name)} lead={v?.view.doc || (v && t('features.per', { entity: human(v.view.entity).toLowerCase() }))} crumbs={<Link to="/features" className="hover:underline">{t('features.title')}</Link>}
      actions={v && <Link to="/sql" search={{ table: `features.${name}` }} className={buttonClass()}><Icon name="sql" />{t('data.query')}</Link>}>
      <Loaded query={query}>
        {() => !v ? <Ghost icon="features" title={t('features.none')} /> : (
          <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1.5fr)_minmax(0,1fr)]">
            <div className="grid min-w-0 gap-5">
              <Card title={t('features.columns', { count: v.features.length })} className="pb-2">
                <List rows={v.features} label={t('features.title')} id={(f) => f.name} cols={[
                  { head: t('features.feature'), cell: (f) => <span className="font-medium">{f.name}</span> },
                  { head: t('data.type'), cell: (f) => <span className="text-ink-2">{tryT(`type.${f.type}`, f.type)}</span> },
                  ...(v.features.every((f) => !f.doc && !f.tags?.length) ? [] : [{ head: t('data.notes'), grow: true, cell: (f: (typeof v.features)[number]) => <span className="flex flex-wrap gap-1.5 text-ink-2">{f.tags?.map((g) => <Badge key={g} tone="warn">{tryT(`tag.${g.split(':')[0]}`, g)}</Badge>)}{f.doc}</span> }]),
                ]} />
              </Card>
              <Card title={t('features.definition')} className="pb-5"><div className="px-5 pt-2"><Definition v={v} /></div></Card>
              <LineageCard kind="view" id={`${name}@${v.number}`} />
            </div>
            <div className="grid min-w-0 gap-5">
              <Lookup v={v} />
              <Card title={t('features.versions')} className="pb-3">
                <ul className="grid gap-1 px-5">{versions.map((x) => <li key={x.number} className="flex items-baseline justify-between gap-3 border-b border-line/60 py-2 last:border-0"><span className="font-medium">{t('models.version', { n: x.number })}</span><span className="text-[13px] text-ink-2" title={moment(x.created)}>{t('features.by', { who: x.by, when: ago(x.created) })}</span></li>)}</ul>
              </Card>
            </div>
          </div>
        )}
      </Loaded>
    </Page>
  )
}

function Definition({ v }: { v: ViewVersion }) {
  const facts: [string, string | undefined][] = [
    [t('features.entity'), v.entity.keys?.length ? t('features.keys', { entity: human(v.entity.name), keys: v.entity.keys.join(', ') }) : t('features.global')],
    [t('features.time'), v.view.event_time],
    [t('features.ttl'), v.view.ttl],
    [t('data.table'), v.view.table],
  ]
  return (
    <>
      <dl className="mb-3 grid grid-cols-[max-content_1fr] gap-x-6 gap-y-1.5">{facts.filter(([, x]) => x).map(([k, x]) => <div key={k} className="contents"><dt className="text-ink-2">{k}</dt><dd className="break-words">{x}</dd></div>)}</dl>
      {v.view.sql && <Code label={t('nav.sql')} text={v.view.sql} />}
    </>
  )
}

function Lookup({ v }: { v: ViewVersion }) {
  const keys = v.entity.keys ?? []
  const [values, setValues] = useState<Record<string, string>>({})
  const ask = useMutation({ mutationFn: () => post<FeatureVectors>('/api/features/get', { views: [v.view.name], entities: [values] }) })
  const vector = ask.data?.vectors[0]
  return (
    <Card title={t('features.lookup')} className="pb-5">
      <form className="grid gap-3 px-5 pt-1" onSubmit={(e) => { e.preventDefault(); ask.mutate() }}>
        <p className="text-[13px] text-ink-2">{v.materialized ? t('features.lookupText', { n: count(v.materialized.entities), count: v.materialized.entities }) : t('features.notFilled')}</p>
        {keys.map((k) => <Field key={k} label={k}>{(p) => <input {...p} className="input" value={values[k] ?? ''} onChange={(e) => setValues({ ...values, [k]: e.target.value })} />}</Field>)}
        <Button type="submit" busy={ask.isPending} disabled={keys.some((k) => !values[k])}>{t('features.ask')}</Button>
        {keys.some((k) => !values[k]) && <p className="text-[13px] text-ink-2">{t('endpoint.needEntity')}</p>}
        <ProblemNote error={ask.error} />
        {vector && <dl className="grid grid-cols-[max-content_1fr] gap-x-6 gap-y-1 pt-2 text-[13px]">{ask.data?.features.map((f, i) => <div key={f} className="contents"><dt className="text-ink-2">{f}</dt><dd className="text-right font-medium tabular-nums">{vector.values[i] === null ? <span className="font-normal text-ink-3 italic">{tryT(`status.${vector.status?.[i]}`, t('grid.none'))}</span> : cell(vector.values[i])}</dd></div>)}</dl>}
      </form>
    </Card>
  )
}
