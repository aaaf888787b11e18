// The notebook: cells of SQL and notes, kept in this browser.
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useMemo, useReducer, useRef, useState } from 'react'
import { meQuery, tablesQuery, viewsQuery } from '../api/queries'
import type { Table, ViewVersion } from '../api/types'
import { count } from '../design/format'
import { Button, Card, Page, Skeleton } from '../design/kit'
import { t } from '../i18n'
import { edit, keep, load, type Cell } from './cells'
import { NoteCell } from './note'
import { SqlCell } from './sqlcell'

const route = getRouteApi('/shell/sql')

export function Notebook() {
  const me = useQuery(meQuery).data
  const tables = useQuery(tablesQuery).data
  const views = useQuery(viewsQuery).data
  if (!me || !tables) return <Page title={t('sql.title')}><div className="card p-5"><Skeleton lines={6} /></div></Page>
  return <Cells project={me.project} tables={tables} views={views ?? []} />
}

const select = (table: string) => `SELECT *\nFROM ${table}\nLIMIT 1000`

function first(tables: Table[]): Cell[] {
  const big = tables.filter((x) => x.rows > 0 && !x.name.endsWith('__rejects')).toSorted((a, b) => b.rows - a.rows)[0]
  return [{ id: 1, kind: 'sql', text: big ? select(big.name) : 'SELECT 1 AS one' }]
}

interface Readable { name: string; note: string; columns: { name: string; type: string }[] }

/** readable is what SQL can name: the tables, then the newest version of each feature view. */
function readable(tables: Table[], views: ViewVersion[]): Readable[] {
  return [
    ...tables.map((x) => ({ name: x.name, note: count(x.rows), columns: x.schema.columns })),
    ...views.map((v) => ({ name: `features.${v.view.name}`, note: t('sql.view'), columns: v.schema.columns })),
  ]
}

function Cells({ project, tables, views }: { project: string; tables: Table[]; views: ViewVersion[] }) {
  const { table } = route.useSearch()
  const go = route.useNavigate()
  const [fresh] = useState(() => load(project) === null) // a new notebook shows rows at once
  const [cells, tell] = useReducer(edit, null, () => load(project) ?? first(tables))
  const asked = useRef('')
  useEffect(() => keep(project, cells), [project, cells])
  useEffect(() => {
    if (!table || asked.current === table) return
    asked.current = table
    if (!cells.some((c) => c.text === select(table))) tell({ type: 'add', kind: 'sql', text: select(table) })
    void go({ search: {}, replace: true })
  }, [table, cells, go])
  const all = useMemo(() => readable(tables, views), [tables, views])
  const schema = useMemo(() => Object.fromEntries(all.map((x) => [x.name, x.columns.map((c) => c.name)])), [all])
  return (
    <Page wide title={t('sql.title')} lead={t('sql.lead')}>
      <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,1fr)_260px]">
        <div className="grid min-w-0 gap-4">
          {cells.map((c, i) => c.kind === 'sql'
            ? <SqlCell key={c.id} project={project} cell={c} at={i} schema={schema} tell={tell} last={i === cells.length - 1} begin={fresh && i === 0} />
            : <NoteCell key={c.id} cell={c} at={i} tell={tell} last={i === cells.length - 1} />)}
          <div className="flex gap-2"><Button icon="plus" onClick={() => tell({ type: 'add', kind: 'sql' })}>{t('sql.addSql')}</Button><Button icon="plus" onClick={() => tell({ type: 'add', kind: 'note' })}>{t('sql.addNote')}</Button></div>
        </div>
        {all.length > 0 && (
          <Card title={t('sql.tables')} className="pb-3 xl:sticky xl:top-5">
            <ul className="max-h-[70vh] overflow-y-auto px-2" tabIndex={0} aria-label={t('sql.tables')}>{all.map((x) => (
              <li key={x.name}><details className="rounded-lg px-2 open:bg-sunken/60">
                <summary className="flex min-h-8 items-center gap-2 py-1"><span className="min-w-0 flex-1 truncate text-[13.5px] font-medium" title={x.name}>{x.name}</span><span className="text-[12.5px] text-ink-2 tabular-nums">{x.note}</span></summary>
                <ul className="pb-2 pl-1 text-[12.5px] text-ink-2">{x.columns.map((c) => <li key={c.name} className="flex justify-between gap-2 py-px"><span className="truncate">{c.name}</span><span className="text-ink-3">{c.type}</span></li>)}</ul>
                <Button small className="mb-2" onClick={() => tell({ type: 'add', kind: 'sql', text: select(x.name) })}>{t('sql.query')}</Button>
              </details></li>
            ))}</ul>
          </Card>
        )}
      </div>
    </Page>
  )
}
