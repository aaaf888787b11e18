// The leaderboard: best first, refused trials last with the reason.
import { useState } from 'react'
import type { Trial } from '../api/types'
import { cell, score, human, lowerIsBetter, metricName, millis } from '../design/format'
import { Badge, Button, cx } from '../design/kit'
import { t, tryT } from '../i18n'

/** ranked puts the best first by the metric's own direction; trials with an error come last. */
export function ranked(trials: Trial[], metric: string): Trial[] {
  const sign = lowerIsBetter(metric) ? 1 : -1
  return trials.toSorted((a, b) => Number(!!a.error) - Number(!!b.error) || sign * (a.score - b.score))
}

/** bestOf keeps the best trial of each family, in order of rank. */
export function bestOf(rows: Trial[]): Trial[] {
  const seen = new Set<string>()
  return rows.filter((x) => !seen.has(x.family) && !!seen.add(x.family))
}

export function Leaderboard({ trials, metric, best }: { trials: Trial[]; metric: string; best?: string }) {
  const [all, setAll] = useState(false)
  const every = ranked(trials, metric)
  const short = bestOf(every)
  const rows = all ? every : short
  const good = rows.filter((x) => !x.error).map((x) => x.score)
  const lo = Math.min(...good), hi = Math.max(...good)
  const bar = (v: number) => (hi === lo ? 1 : 0.15 + 0.85 * (lowerIsBetter(metric) ? (hi - v) / (hi - lo) : (v - lo) / (hi - lo)))
  return (
    <>
    <ol className="px-5 pb-3">
      {rows.map((x, i) => (
        <li key={i} className="grid grid-cols-[1.5rem_minmax(0,1fr)_auto] items-center gap-x-3 border-b border-line/60 py-2.5 last:border-0">
          <span className="text-[13px] text-ink-3 tabular-nums">{x.error ? '' : i + 1}</span>
          <div className="min-w-0">
            <span className="flex flex-wrap items-center gap-2"><span className={cx('font-medium', x.error && 'text-ink-2')}>{tryT(`family.${x.family}`, human(x.family))}</span>{i === 0 && !x.error && (!best || best === x.family || rows[0] === x) && <Badge tone="accent">{t('models.best')}</Badge>}</span>
            <span className="block truncate text-[13px] text-ink-2" title={params(x)}>{x.error ?? params(x)}</span>
            {!x.error && <div className="mt-1.5 h-1 max-w-md overflow-hidden rounded-full bg-sunken" aria-hidden="true"><div className="h-full rounded-full bg-accent" style={{ width: `${bar(x.score) * 100}%` }} /></div>}
          </div>
          <div className="text-right tabular-nums">
            {!x.error && <><span className="font-semibold">{score(x.score)}</span><span className="sr-only"> {metricName(metric)}</span></>}
            {x.seconds > 0 && <span className="block text-[13px] text-ink-2">{millis(x.seconds * 1000)}</span>}
          </div>
        </li>
      ))}
    </ol>
    {every.length > short.length && <div className="px-5 pb-4"><Button small onClick={() => setAll(!all)}>{all ? t('models.bestOnly') : t('models.allTrials', { count: every.length })}</Button></div>}
    </>
  )
}

const params = (x: Trial) => Object.entries(x.params ?? {}).map(([k, v]) => `${k.replaceAll('_', ' ')} ${cell(v)}`).join(', ')
