// All tables of the project, grouped by namespace.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { tablesQuery } from '../api/queries'
import type { Table } from '../api/types'
import { ago, bytes, count } from '../design/format'
import { Icon } from '../design/icon'
import { buttonClass, Card, Ghost, Page } from '../design/kit'
import { Loaded } from '../design/problem'
import { List } from '../design/table'
import { t, tryT } from '../i18n'
import { DropZone } from './dropzone'
import { grouped } from '../app/grouped'

export function Tables() {
  const tables = useQuery(tablesQuery)
  return (
    <Page title={t('data.title')} lead={t('data.lead')} actions={<Link to="/data/new" className={buttonClass('primary')}><Icon name="upload" />{t('data.add')}</Link>}>
      <Loaded query={tables}>
        {(all) => all.length === 0
          ? <Ghost icon="data" title={t('data.none')} action={<DropZone />}>{t('data.noneText')}</Ghost>
          : <div className="grid gap-5">{group(all).map(([ns, rows]) => <Group key={ns} ns={ns} rows={rows} />)}</div>}
      </Loaded>
    </Page>
  )
}

const order = ['raw', 'curated', 'training', 'scored']

function group(tables: Table[]): [string, Table[]][] {
  const by = grouped(tables.filter((x) => !x.name.endsWith('__rejects')), (x) => x.name.split('.')[0]!)
  const rank = (ns: string) => (order.indexOf(ns) + 1 || order.length + 1)
  return [...by].sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b))
}

function Group({ ns, rows }: { ns: string; rows: Table[] }) {
  return (
    <Card title={<>{tryT(`data.ns.${ns}`, ns)} <span className="ml-1 text-[13px] font-normal text-ink-2">{tryT(`data.nsText.${ns}`, '')}</span></>}>
      <List rows={rows} label={tryT(`data.ns.${ns}`, ns)} id={(x) => x.name} cols={[
        { head: t('data.table'), grow: true, cell: (x) => <Link to="/data/$table" params={{ table: x.name }} className="font-medium text-ink hover:text-accent hover:underline">{x.name.slice(ns.length + 1)}</Link> },
        { head: t('data.columns'), right: true, hide: true, cell: (x) => x.schema.columns.length },
        { head: t('data.rowsHead'), right: true, cell: (x) => count(x.rows) },
        { head: t('data.size'), right: true, hide: true, cell: (x) => bytes(x.bytes) },
        { head: t('data.updated'), right: true, cell: (x) => <span className="whitespace-nowrap text-ink-2">{ago(x.updated)}</span> },
      ]} />
    </Card>
  )
}
