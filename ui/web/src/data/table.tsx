// One table: its rows, schema, profile, snapshots and rejected rows.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { del, seg } from '../api/http'
import { rejectsQuery, rowsQuery, snapshotsQuery, tableQuery } from '../api/queries'
import type { Snapshot, Table } from '../api/types'
import { useMay } from '../app/session'
import { Dialog } from '../design/dialog'
import { ago, bytes, count, moment } from '../design/format'
import { Grid } from '../design/grid'
import { Icon } from '../design/icon'
import { Badge, Button, buttonClass, Card, Ghost, Page } from '../design/kit'
import { Loaded, ProblemNote } from '../design/problem'
import { List } from '../design/table'
import { Tabs } from '../design/tabs'
import { t, tryT } from '../i18n'
import type { TableTab } from '.'
import { Profile } from './profile'

const route = getRouteApi('/shell/data/$table')

export function TablePage() {
  const { table: name } = route.useParams()
  const { tab = 'preview' } = route.useSearch()
  const go = route.useNavigate()
  const table = useQuery(tableQuery(name))
  const rejects = useQuery(rejectsQuery(name))
  const [removing, setRemoving] = useState(false)
  const may = useMay('write')
  const x = table.data
  const rejected = rejects.data?.total ?? rejects.data?.rejects?.length ?? 0
  const lead = x && [t('data.rows', { count: x.rows, n: count(x.rows) }), t('data.columnCount', { count: x.schema.columns.length }), x.bytes > 0 && bytes(x.bytes), t('data.changed', { when: ago(x.updated) })].filter(Boolean).join(' · ')
  return (
    <Page wide title={name} lead={lead} crumbs={<Link to="/data" className="hover:underline">{t('data.title')}</Link>}
      actions={<>
        <Link to="/sql" search={{ table: name }} className={buttonClass()}><Icon name="sql" />{t('data.query')}</Link>
        <Link to="/predict" search={{ table: name }} className={buttonClass()}><Icon name="target" />{t('data.predict')}</Link>
        <Link to="/prepare" search={{ table: name }} className={buttonClass('primary')}><Icon name="prepare" />{t('data.clean')}</Link>
        {may && <Button look="quiet" icon="trash" onClick={() => setRemoving(true)}>{t('remove')}</Button>}
      </>}>
      <Loaded query={table}>
        {(x) => (
          <Tabs label={name} active={tab} onChange={(id) => void go({ search: id === 'preview' ? {} : { tab: id as TableTab }, replace: true })} tabs={[
            { id: 'preview', label: t('data.tab.preview'), body: () => <Preview name={name} /> },
            { id: 'schema', label: t('data.tab.schema'), body: () => <Schema table={x} /> },
            { id: 'profile', label: t('data.tab.profile'), body: () => <Profile name={name} rows={x.rows} /> },
            { id: 'snapshots', label: t('data.tab.snapshots'), body: () => <Snapshots name={name} /> },
            { id: 'rejects', label: <>{t('data.tab.rejects')}{rejected > 0 && <Badge tone="warn">{count(rejected)}</Badge>}</>, body: () => <Rejects name={name} /> },
          ]} />
        )}
      </Loaded>
      <Remove name={name} open={removing} onClose={() => setRemoving(false)} />
    </Page>
  )
}

function Preview({ name, snapshot }: { name: string; snapshot?: string }) {
  const rows = useQuery(rowsQuery(name, snapshot))
  return (
    <Loaded query={rows} lines={8}>
      {(r) => r.rows?.length ? <><Grid columns={r.columns} rows={r.rows} label={t('data.rowsOf', { name })} height={620} /><p className="mt-2 text-[13px] text-ink-2">{t('data.first', { count: r.rows.length, n: count(r.rows.length) })}</p></> : <Ghost icon="data" title={t('data.noRows')} />}
    </Loaded>
  )
}

function Schema({ table }: { table: Table }) {
  return (
    <Card className="py-2">
      <List rows={table.schema.columns} label={t('data.tab.schema')} id={(c) => c.name} cols={[
        { head: t('data.column'), cell: (c) => <span className="font-medium">{c.name}</span> },
        { head: t('data.type'), cell: (c) => <span className="whitespace-nowrap text-ink-2">{tryT(`type.${c.type}`, c.type)}</span> },
        { head: t('data.notes'), grow: true, cell: (c) => <span className="flex flex-wrap items-center gap-2">{c.tags?.map((g) => <Badge key={g} tone={g.startsWith('pii') ? 'info' : 'warn'}>{tryT(`tag.${g.split(':')[0]}`, g)}{g.includes(':') && `: ${g.split(':')[1]}`}</Badge>)}{c.doc && <span className="text-ink-2">{c.doc}</span>}</span> },
      ]} />
    </Card>
  )
}

function Snapshots({ name }: { name: string }) {
  const query = useQuery(snapshotsQuery(name))
  const [open, setOpen] = useState<Snapshot | null>(null)
  return (
    <>
    <Loaded query={query}>
      {(all) => all.length === 0 ? <Ghost icon="data" title={t('data.noSnapshots')} /> : (
        <Card className="py-2">
          <List rows={[...all].sort((a, b) => Date.parse(b.at) - Date.parse(a.at))} label={t('data.tab.snapshots')} id={(s) => s.id} cols={[
            { head: t('data.when'), cell: (s) => <span className="whitespace-nowrap">{moment(s.at)}</span> },
            { head: t('data.what'), grow: true, cell: (s) => <span className="flex flex-wrap gap-2">{tryT(`operation.${s.operation}`, s.operation)}{s.tags?.map((g) => <Badge key={g} tone="accent">{g}</Badge>)}</span> },
            { head: t('data.added'), right: true, hide: true, cell: (s) => (s.added ? `+${count(s.added)}` : '') },
            { head: t('data.rowsHead'), right: true, cell: (s) => count(s.rows) },
            { head: t('data.look'), right: true, cell: (s) => <Button small look="quiet" onClick={() => setOpen(s)}>{t('data.asOf')}</Button> },
          ]} />
        </Card>
      )}
    </Loaded>
    {open && <Dialog open onClose={() => setOpen(null)} title={t('data.asOfTitle', { name, when: moment(open.at) })} size="lg"><Preview name={name} snapshot={open.id} /></Dialog>}
    </>
  )
}

function Rejects({ name }: { name: string }) {
  const query = useQuery(rejectsQuery(name))
  return (
    <Loaded query={query}>
      {(r) => !r.rejects?.length ? <Ghost icon="check" title={t('data.noRejects')}>{t('data.noRejectsText')}</Ghost> : (
        <Card className="py-2">
          <List rows={r.rejects} label={t('data.tab.rejects')} id={(_, i) => String(i)} cols={[
            { head: t('data.file'), hide: true, cell: (x) => <span className="whitespace-nowrap text-ink-2">{x.source}</span> },
            { head: t('data.line'), right: true, cell: (x) => count(x.line) },
            { head: t('data.column'), cell: (x) => <span className="font-medium">{x.column || t('data.wholeRow')}</span> },
            { head: t('data.reason'), wrap: true, cell: (x) => <span className="block min-w-48">{x.reason}</span> },
            { head: t('data.value'), grow: true, cell: (x) => <code className="font-mono text-[12.5px] break-all">{x.value || x.text}</code> },
          ]} />
        </Card>
      )}
    </Loaded>
  )
}

function Remove({ name, open, onClose }: { name: string; open: boolean; onClose: () => void }) {
  const cache = useQueryClient()
  const go = route.useNavigate()
  const remove = useMutation({
    mutationFn: () => del(`/api/tables/${seg(name)}`),
    onSuccess: async () => {
      await go({ to: '/data' })
      cache.removeQueries({ queryKey: ['tables', name] })
      await cache.invalidateQueries({ queryKey: ['tables'] })
    },
  })
  return (
    <Dialog open={open} onClose={onClose} title={t('data.removeTitle', { name })} size="sm">
      <p className="mb-4 text-ink-2">{t('data.removeText')}</p>
      <ProblemNote error={remove.error} />
      <div className="mt-4 flex justify-end gap-2"><Button onClick={onClose}>{t('keep')}</Button><Button look="danger" icon="trash" busy={remove.isPending} onClick={() => remove.mutate()}>{t('data.removeDo')}</Button></div>
    </Dialog>
  )
}
