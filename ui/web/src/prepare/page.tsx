// Prepare: choose a table or a stored recipe, then edit it.
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { get, post, seg } from '../api/http'
import { listOf, tablesQuery } from '../api/queries'
import type { Recipe, StepReason } from '../api/types'
import { count } from '../design/format'
import { Icon } from '../design/icon'
import { Badge, Button, Card, Ghost, Page } from '../design/kit'
import { Loaded } from '../design/problem'
import { t } from '../i18n'
import { DropZone } from '../data/dropzone'
import { Editor } from './editor'
import { empty, sources } from './rules'

const route = getRouteApi('/shell/prepare')

interface Start { recipe: Recipe; reasons: StepReason[] }

export function Prepare() {
  const { table, recipe } = route.useSearch()
  if (recipe) return <Stored key={recipe} name={recipe} />
  if (table) return <Suggested key={table} table={table} />
  return <Choose />
}

function Suggested({ table }: { table: string }) {
  const start = useQuery({
    queryKey: ['recipes', 'suggest', table],
    staleTime: Infinity, // what the user edits must not be replaced behind them
    queryFn: async ({ signal }): Promise<Start> => {
      const got = await post<{ recipe: Recipe; reasons?: StepReason[] }>('/api/recipes/suggest', { table }, signal)
      return { recipe: { ...empty(table), ...got.recipe }, reasons: got.reasons ?? [] }
    },
  })
  return <Frame title={t('prepare.of', { table })}><Loaded query={start} lines={8}>{(s) => <Editor start={s} />}</Loaded></Frame>
}

function Stored({ name }: { name: string }) {
  const start = useQuery({
    queryKey: ['recipes', 'stored', name],
    staleTime: Infinity,
    queryFn: async ({ signal }): Promise<Start> => {
      const got = await get<Recipe | { recipe: Recipe }>(`/api/recipes/${seg(name)}`, undefined, signal)
      return { recipe: 'recipe' in got ? got.recipe : got, reasons: [] }
    },
  })
  return <Frame title={name}><Loaded query={start} lines={8}>{(s) => <Editor start={s} />}</Loaded></Frame>
}

function Frame({ title, children }: { title: string; children: React.ReactNode }) {
  const go = route.useNavigate()
  return <Page wide title={title} lead={t('prepare.lead')} crumbs={<button type="button" className="hover:underline" onClick={() => void go({ search: {} })}>{t('prepare.title')}</button>}>{children}</Page>
}

function Choose() {
  const go = route.useNavigate()
  const tables = useQuery(tablesQuery)
  const recipes = useQuery({ queryKey: ['recipes', 'all'], queryFn: async ({ signal }) => listOf<Recipe | { recipe: Recipe }>(await get('/api/recipes', undefined, signal), 'recipes').map((r) => ('recipe' in r ? r.recipe : r)) })
  return (
    <Page title={t('prepare.title')} lead={t('prepare.lead')}>
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <Card title={t('prepare.tables')} className="pb-3">
          <Loaded query={tables}>
            {(all) => {
              const raw = all.filter((x) => x.rows > 0 && !x.name.endsWith('__rejects')).toSorted((a, b) => Number(b.name.startsWith('raw.')) - Number(a.name.startsWith('raw.')))
              return raw.length === 0 ? <div className="p-4"><Ghost icon="data" title={t('data.none')} action={<DropZone />} /></div> : (
                <ul className="px-2">{raw.map((x) => (
                  <li key={x.name}><button type="button" onClick={() => void go({ search: { table: x.name } })} className="flex w-full items-center gap-3 rounded-lg px-3 py-2 text-left hover:bg-sunken"><Icon name="data" className="text-ink-3" /><span className="min-w-0 flex-1 truncate font-medium">{x.name}</span><span className="text-[13px] text-ink-2">{t('data.rows', { count: x.rows, n: count(x.rows) })}</span><Icon name="right" size={16} className="text-ink-3" /></button></li>
                ))}</ul>
              )
            }}
          </Loaded>
        </Card>
        {(recipes.data?.length ?? 0) > 0 && (
          <Card title={t('prepare.stored')} className="pb-3">
            <ul className="px-2">{recipes.data?.map((r) => (
              <li key={r.name}><Button look="quiet" className="w-full justify-start!" icon="prepare" onClick={() => void go({ search: { recipe: r.name } })}><span className="flex-1 truncate text-left font-medium text-ink">{r.name}</span><span className="truncate text-[13px] font-normal max-sm:hidden">{t('prepare.fromTo', { from: sources(r).join(', '), to: r.to })}</span><Badge>{t('prepare.steps', { count: r.steps?.length ?? 0 })}</Badge></Button></li>
            ))}</ul>
          </Card>
        )}
      </div>
    </Page>
  )
}
