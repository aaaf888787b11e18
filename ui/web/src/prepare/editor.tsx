// The recipe editor: steps on the left, what they do to the rows on the right.
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useDeferredValue, useMemo, useReducer, useState } from 'react'
import { post, put, seg } from '../api/http'
import { stepSpecsQuery, tableQuery } from '../api/queries'
import type { Job, Recipe, RecipePreview, StepReason } from '../api/types'
import { useMay } from '../app/session'
import { badTableName } from '../data/upload'
import { count } from '../design/format'
import { Grid } from '../design/grid'
import { Button, buttonClass, Card, Field, Ghost, Skeleton } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { Tabs } from '../design/tabs'
import { t } from '../i18n'
import { useWork } from '../jobs/use'
import { Working } from '../jobs/working'
import { differs, edit, sources, specsOf } from './rules'
import { AddStep, StepCard } from './step'

export function Editor({ start }: { start: { recipe: Recipe; reasons: StepReason[] } }) {
  const [recipe, tell] = useReducer(edit, start.recipe) as [Recipe, React.Dispatch<Parameters<typeof edit>[1]>]
  const [open, setOpen] = useState<number | null>(null)
  const [side, setSide] = useState('after')
  const may = useMay('write')
  const raw = useQuery(stepSpecsQuery).data
  const specs = useMemo(() => specsOf(raw ?? []), [raw])
  const table = useQuery(tableQuery(sources(recipe)[0]!)).data
  const shown = useDeferredValue(recipe)
  const preview = useQuery({
    queryKey: ['recipes', 'preview', shown],
    queryFn: ({ signal }) => post<RecipePreview>('/api/recipes/preview', { recipe: shown, rows: 100 }, signal),
    placeholderData: (before) => before,
    staleTime: 60_000,
    retry: false,
  })
  const apply = useWork((r: Recipe) => post<Job>('/api/recipes/apply', { recipe: r }))
  const save = useMutation({ mutationFn: (r: Recipe) => put(`/api/recipes/${seg(r.name)}`, r) })
  const p = preview.data
  const steps = p?.steps ?? []
  const result = apply.data?.result as { table?: string; rows?: number; rejected?: number } | undefined
  const columns = table?.schema.columns ?? p?.columns ?? []

  return (
    <div className="grid items-start gap-5 xl:grid-cols-[400px_minmax(0,1fr)]">
      <div className="grid gap-3">
        {recipe.steps.length === 0 && <Ghost icon="prepare" title={t('prepare.noSteps')}>{t('prepare.noStepsText')}</Ghost>}
        <ol className="grid gap-2">
          {recipe.steps.map((s, i) => (
            <StepCard key={i} at={i} step={s} spec={specs.find((x) => x.do === s.do)} counts={steps.length === recipe.steps.length ? steps[i] : undefined} columns={columns} last={i === recipe.steps.length - 1}
              reasons={recipe.steps === start.recipe.steps || start.recipe.steps[i]?.do === s.do ? start.reasons.filter((r) => r.step === s.name || (r.step === s.do && !s.name)) : []}
              open={open === i} onOpen={() => setOpen(open === i ? null : i)} tell={(e) => { tell(e); if (e.type !== 'set') setOpen(null) }} />
          ))}
        </ol>
        <AddStep specs={specs} onAdd={(kind) => { tell({ type: 'add', do: kind }); setOpen(recipe.steps.length) }} />
        <Card className="mt-2 grid gap-4 p-4">
          <Field label={t('prepare.into')} error={badTableName(recipe.to) ? t('upload.tableBad') : undefined}>{(f) => <input {...f} className="input font-mono" value={recipe.to} onChange={(e) => tell({ type: 'to', table: e.target.value })} />}</Field>
          {may ? (
            <div className="flex flex-wrap gap-2">
              <Button look="primary" icon="play" busy={apply.isPending} onClick={() => apply.mutate(recipe)}>{t('prepare.apply')}</Button>
              <Button icon="save" busy={save.isPending} onClick={() => save.mutate(recipe)}>{save.isSuccess && save.variables === recipe ? t('saved') : t('save')}</Button>
            </div>
          ) : <p className="text-[13px] text-ink-2">{t('viewerOnly')}</p>}
          <Working work={apply} label={t('prepare.applying')} />
          <ProblemNote error={apply.error ?? save.error} />
          {apply.isSuccess && (
            <div role="status" className="rounded-lg bg-good-soft px-3 py-2.5 text-[13.5px]">
              <p className="font-medium text-good">{t('prepare.done', { table: result?.table ?? recipe.to, n: count(result?.rows ?? 0), count: result?.rows ?? 0 })}</p>
              {(result?.rejected ?? 0) > 0 && <p>{t('prepare.rejected', { count: result?.rejected, n: count(result?.rejected ?? 0) })}</p>}
              <Link to="/data/$table" params={{ table: result?.table ?? recipe.to }} className={buttonClass('plain', true) + ' mt-2'}>{t('upload.open')}</Link>
            </div>
          )}
        </Card>
      </div>
      <div className="min-w-0">
        {preview.error ? <div className="mb-3"><ProblemNote error={preview.error} again={() => void preview.refetch()} /></div> : null}
        {p ? (
          <div aria-busy={preview.isFetching} className={preview.isFetching ? 'opacity-70 transition-opacity' : ''}>
            <Tabs label={t('prepare.preview')} active={side} onChange={setSide} tabs={[
              { id: 'before', label: t('prepare.before'), body: () => <Grid columns={p.columns} rows={p.before ?? []} label={t('prepare.before')} height={640} /> },
              { id: 'after', label: t('prepare.after'), body: () => <Grid columns={p.after_columns} rows={p.after ?? []} label={t('prepare.after')} height={640} marked={differs(p)} /> },
            ]} />
            <p className="mt-2 text-[13px] text-ink-2">{t('prepare.sample')}</p>
          </div>
        ) : !preview.error && <div className="card p-5"><Skeleton lines={10} /></div>}
      </div>
    </div>
  )
}
