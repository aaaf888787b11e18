// The profile: what each column holds, as a picture and a few figures.
import { useQuery } from '@tanstack/react-query'
import { profileQuery } from '../api/queries'
import type { ProfileColumn } from '../api/types'
import { Bars, Columns } from '../design/charts'
import { cell, count, figure, percent, short } from '../design/format'
import { Loaded } from '../design/problem'
import { t, tryT } from '../i18n'

export function Profile({ name, rows }: { name: string; rows: number }) {
  const query = useQuery(profileQuery(name))
  return (
    <Loaded query={query} lines={8}>
      {(columns) => <ul className="grid gap-4 sm:grid-cols-2 xl:grid-cols-3">{columns.map((c) => <li key={c.name} className="card p-4"><ColumnProfile c={c} rows={rows} /></li>)}</ul>}
    </Loaded>
  )
}

function ColumnProfile({ c, rows }: { c: ProfileColumn; rows: number }) {
  const missing = rows > 0 ? c.nulls / rows : 0
  const notes = [t('profile.distinct', { count: c.distinct, n: short(c.distinct) }), c.nulls > 0 && t('profile.missing', { share: percent(missing, missing < 0.01 ? 2 : 0) })].filter(Boolean)
  return (
    <>
      <div className="flex items-baseline justify-between gap-3"><h2 className="min-w-0 truncate font-medium" title={c.name}>{c.name}</h2><span className="text-[12.5px] text-ink-3">{tryT(`type.${c.type}`, c.type)}</span></div>
      <p className="mb-3 text-[13px] text-ink-2">{notes.join(' · ')}</p>
      {c.histogram && c.histogram.counts?.length > 0 ? (
        <>
          <Columns counts={c.histogram.counts} height={72} label={t('profile.histogram', { name: c.name })} titles={c.histogram.counts.map((n, i) => `${figure(c.histogram!.edges[i])} – ${figure(c.histogram!.edges[i + 1])}: ${count(n)}`)} />
          <div className="mt-1 flex justify-between text-xs text-ink-2 tabular-nums"><span>{cell(c.min)}</span>{c.mean !== null && c.mean !== undefined && <span>{t('profile.mean', { n: figure(c.mean) })}</span>}<span>{cell(c.max)}</span></div>
        </>
      ) : c.top && c.top.length > 0 ? (
        <Bars label={t('profile.top', { name: c.name })} colour="var(--c-ref)" format={(n) => percent(rows ? n / rows : 0, 1)} items={c.top.slice(0, 5).map((v) => ({ name: cell(v.value) || t('grid.none'), value: v.count }))} />
      ) : (
        <p className="text-[13px] text-ink-2 tabular-nums">{[cell(c.min), cell(c.max)].filter(Boolean).join(' – ')}</p>
      )}
    </>
  )
}
