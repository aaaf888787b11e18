// Features: the views of each entity, and the training sets made from them.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { post } from '../api/http'
import { setsQuery, viewsQuery } from '../api/queries'
import type { Job, TrainingSet, ViewVersion } from '../api/types'
import { useMay } from '../app/session'
import { Dialog } from '../design/dialog'
import { ago, count, human } from '../design/format'
import { Badge, Button, Card, Ghost, Page } from '../design/kit'
import { Loaded, ProblemNote } from '../design/problem'
import { List } from '../design/table'
import { Code } from '../design/code'
import { t, tryT } from '../i18n'
import { useWork } from '../jobs/use'
import { Working } from '../jobs/working'
import { TrainButton } from '../models/train'
import { MakeSet } from './makeset'

export function Features() {
  const views = useQuery(viewsQuery)
  const sets = useQuery(setsQuery)
  const may = useMay('write')
  const [making, setMaking] = useState(false)
  const fill = useWork(() => post<Job>('/api/features/materialize', {}))
  return (
    <Page title={t('features.title')} lead={t('features.lead')} actions={may && (views.data?.length ?? 0) > 0 && <>
      <Button icon="upload" busy={fill.isPending} onClick={() => fill.mutate(undefined)}>{t('features.fill')}</Button>
      <Button look="primary" icon="plus" onClick={() => setMaking(true)}>{t('features.makeSet')}</Button>
    </>}>
      {(fill.isPending || fill.error) && <div className="mb-4 grid gap-3"><Working work={fill} label={t('features.filling')} /><ProblemNote error={fill.error} /></div>}
      {fill.isSuccess && <p role="status" className="mb-4 text-[13.5px] text-good">{t('features.filled')}</p>}
      <Loaded query={views}>
        {(all) => all.length === 0 ? <Ghost icon="features" title={t('features.none')}>{t('features.noneText')}</Ghost> : <div className="grid gap-4 md:grid-cols-2">{all.map((v) => <ViewCard key={v.view.name} v={v} />)}</div>}
      </Loaded>
      {(sets.data?.length ?? 0) > 0 && <Card title={t('features.sets')} className="mt-6 pb-2"><Sets sets={sets.data ?? []} /></Card>}
      {making && <MakeSet views={views.data ?? []} onClose={() => setMaking(false)} />}
    </Page>
  )
}

function ViewCard({ v }: { v: ViewVersion }) {
  return (
    <Link to="/features/$view" params={{ view: v.view.name }} className="card block p-5 hover:border-accent">
      <div className="flex items-start justify-between gap-3">
        <h2 className="text-base font-semibold tracking-[-0.01em]">{human(v.view.name)}</h2>
        <Badge>{t('models.version', { n: v.number })}</Badge>
      </div>
      <p className="mt-0.5 text-ink-2">{v.view.doc || (v.entity.keys?.length ? t('features.per', { entity: human(v.view.entity).toLowerCase() }) : t('features.global'))}</p>
      <p className="mt-3 flex flex-wrap gap-1.5">{v.features.slice(0, 9).map((f) => <Badge key={f.name}>{f.name}</Badge>)}{v.features.length > 9 && <Badge>{t('features.more', { count: v.features.length - 9 })}</Badge>}</p>
      {v.materialized && <p className="mt-3 text-[13px] text-ink-2">{t('features.online', { count: v.materialized.entities, n: count(v.materialized.entities), when: ago(v.materialized.at) })}</p>}
    </Link>
  )
}

function Sets({ sets }: { sets: TrainingSet[] }) {
  const [open, setOpen] = useState<TrainingSet | null>(null)
  return (
    <>
      <List rows={sets} label={t('features.sets')} id={(s) => s.id} cols={[
        { head: t('features.name'), grow: true, cell: (s) => <button type="button" className="text-left font-medium hover:text-accent hover:underline" onClick={() => setOpen(s)}>{human(s.spec.name)}</button> },
        { head: t('features.label'), cell: (s) => <span className="whitespace-nowrap">{s.spec.label}</span> },
        { head: t('features.from'), hide: true, cell: (s) => <span className="text-ink-2">{s.views?.map((v) => t('features.viewAt', { view: v.view, n: v.version })).join(', ')}</span> },
        { head: t('data.rowsHead'), right: true, cell: (s) => count(s.rows) },
        { head: t('features.made'), right: true, hide: true, cell: (s) => <span className="whitespace-nowrap text-ink-2">{ago(s.created)}</span> },
        { head: t('features.train'), right: true, cell: (s) => <TrainButton set={s} small /> },
      ]} />
      {open && (
        <Dialog open onClose={() => setOpen(null)} title={human(open.spec.name)} size="lg">
          <p className="mb-4 text-ink-2">{t('features.setText', { rows: count(open.rows), count: open.rows, table: open.table })} <Link to="/data/$table" params={{ table: open.table }} className="font-medium text-accent hover:underline">{t('upload.open')}</Link></p>
          <div className="card mb-4 py-1"><List rows={open.columns ?? []} label={t('data.tab.schema')} id={(c) => c.name} cols={[
            { head: t('data.column'), cell: (c) => <span className="font-medium">{c.name}</span> },
            { head: t('features.role'), cell: (c) => <Badge tone={c.role === 'label' ? 'accent' : 'plain'}>{tryT(`role.${c.role}`, c.role)}</Badge> },
            { head: t('data.type'), cell: (c) => <span className="text-ink-2">{tryT(`type.${c.type}`, c.type)}</span> },
            { head: t('features.from'), grow: true, cell: (c) => <span className="text-ink-2">{c.from}</span> },
          ]} /></div>
          {open.sql && <Code label={t('features.join')} text={open.sql} />}
        </Dialog>
      )}
    </>
  )
}
