// Charts are our own SVG in theme colours. Each is one picture with a name for a
// screen reader, and a table behind it where the numbers matter.
import { useEffect, useId, useRef, useState, type RefObject } from 'react'
import { figure, percent } from './format'
import { cx } from './kit'

export interface Series { name: string; points: [number, number][]; colour: string; dash?: boolean; dots?: boolean; bare?: boolean }
export interface Axis { min?: number; max?: number; format?: (n: number) => string; label?: string; ticks?: { at: number; text: string }[] }

/** nice returns round tick positions that cover lo to hi. */
export function nice(lo: number, hi: number, about = 4): number[] {
  if (!(hi > lo)) return [lo]
  const raw = (hi - lo) / about
  const unit = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 2.5, 5, 10].map((m) => m * unit).find((s) => s >= raw - 1e-12) ?? unit * 10
  const out: number[] = []
  for (let v = Math.ceil(lo / step - 1e-9) * step; v <= hi + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v)
  return out
}

/** useWidth follows an element's width, so that a chart's text keeps its size. */
function useWidth(first: number): [RefObject<HTMLDivElement | null>, number] {
  const ref = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(first)
  useEffect(() => {
    if (!ref.current) return
    const seen = new ResizeObserver(([e]) => { if (e && e.contentRect.width > 0) setWidth(Math.round(e.contentRect.width)) })
    seen.observe(ref.current)
    return () => seen.disconnect()
  }, [])
  return [ref, width]
}

export function LineChart({ series, x = {}, y = {}, label, height = 220, diagonal, rules = [] }: { series: Series[]; x?: Axis; y?: Axis; label: string; height?: number; diagonal?: boolean; rules?: { at: number; text: string }[] }) {
  const [ref, W] = useWidth(520)
  const all = series.flatMap((s) => s.points).filter((p) => p.every(Number.isFinite))
  const H = height
  const pad = { l: 46, r: 14, t: 12, b: x.label ? 40 : 26 }
  const xs = all.map((p) => p[0])
  const ys = [...all.map((p) => p[1]), ...rules.map((r) => r.at)]
  const x0 = x.min ?? Math.min(...xs), x1 = x.max ?? Math.max(...xs)
  const air = (Math.max(...ys) - Math.min(...ys)) * 0.12 || 0.05
  const y0 = y.min ?? Math.min(...ys) - air, y1 = y.max ?? Math.max(...ys) + air
  const px = (v: number) => pad.l + ((v - x0) / (x1 - x0 || 1)) * (W - pad.l - pad.r)
  const py = (v: number) => H - pad.b - ((v - y0) / (y1 - y0 || 1)) * (H - pad.t - pad.b)
  const xt = x.ticks ?? nice(x0, x1, W < 420 ? 3 : 5).map((at) => ({ at, text: (x.format ?? figure)(at) }))
  return (
    <figure className="min-w-0">
      {series.length > 1 && <Legend items={series} />}
      <div ref={ref}><svg width={W} height={H} role="img" aria-label={label} className="block max-w-full text-[12px]">
        {nice(y0, y1).map((v) => (
          <g key={v}><line x1={pad.l} x2={W - pad.r} y1={py(v)} y2={py(v)} stroke="var(--line)" /><text x={pad.l - 8} y={py(v) + 4} textAnchor="end" fill="var(--ink-2)">{(y.format ?? figure)(v)}</text></g>
        ))}
        {xt.map((k) => <text key={k.at} x={px(k.at)} y={H - pad.b + 18} textAnchor={px(k.at) > W - pad.r - 24 ? 'end' : 'middle'} fill="var(--ink-2)">{k.text}</text>)}
        {x.label && <text x={(W + pad.l) / 2} y={H - 4} textAnchor="middle" fill="var(--ink-2)">{x.label}</text>}
        {diagonal && <line x1={px(x0)} y1={py(y0)} x2={px(x1)} y2={py(y1)} stroke="var(--line-strong)" strokeDasharray="3 4" />}
        {rules.map((r) => <g key={r.text}><line x1={pad.l} x2={W - pad.r} y1={py(r.at)} y2={py(r.at)} stroke="var(--ink-3)" strokeDasharray="5 4" /><text x={pad.l + 6} y={py(r.at) - 6} fill="var(--ink-2)" stroke="var(--surface)" strokeWidth={4} paintOrder="stroke">{r.text}</text></g>)}
        {series.map((s) => (
          <g key={s.name}>
            {!s.bare && <polyline points={s.points.filter((p) => p.every(Number.isFinite)).map((p) => `${px(p[0]).toFixed(1)},${py(p[1]).toFixed(1)}`).join(' ')} fill="none" stroke={s.colour} strokeWidth={2} strokeLinejoin="round" strokeDasharray={s.dash ? '5 4' : undefined} />}
            {s.dots && s.points.filter((p) => p.every(Number.isFinite)).map((p, i) => <circle key={i} cx={px(p[0])} cy={py(p[1])} r={3.4} fill={s.colour} stroke="var(--surface)" strokeWidth={1.5}><title>{`${(x.format ?? figure)(p[0])}: ${(y.format ?? figure)(p[1])}`}</title></circle>)}
          </g>
        ))}
      </svg></div>
    </figure>
  )
}

export function Legend({ items }: { items: { name: string; colour: string; dash?: boolean }[] }) {
  return (
    <figcaption className="mb-2 flex flex-wrap gap-x-4 gap-y-1 text-[12.5px] text-ink-2">
      {items.map((s) => <span key={s.name} className="inline-flex items-center gap-1.5"><span className="h-[3px] w-4 rounded" style={{ background: s.colour }} aria-hidden="true" />{s.name}</span>)}
    </figcaption>
  )
}

/** Bars are horizontal bars with a name and a number each: the table is the chart. */
export function Bars({ items, format = figure, colour = 'var(--c-cur)', label }: { items: { name: string; value: number; note?: string }[]; format?: (n: number) => string; colour?: string; label: string }) {
  const most = Math.max(...items.map((i) => Math.abs(i.value)), 1e-12)
  return (
    <dl aria-label={label} className="grid grid-cols-[minmax(72px,max-content)_1fr_auto] items-center gap-x-3 gap-y-1.5 text-[13px]">
      {items.map((i) => (
        <div key={i.name} className="contents">
          <dt className="max-w-44 truncate" title={i.name}>{i.name}</dt>
          <dd aria-hidden="true" className="h-3.5 rounded-r bg-sunken"><div className="h-full rounded-r" style={{ width: `${(Math.abs(i.value) / most) * 100}%`, background: colour, minWidth: i.value ? 2 : 0 }} /></dd>
          <dd className="text-right tabular-nums text-ink-2">{format(i.value)}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Columns is a small histogram of counts. */
export function Columns({ counts, label, height = 56, colour = 'var(--c-ref)', titles }: { counts: number[]; label: string; height?: number; colour?: string; titles?: string[] }) {
  const most = Math.max(...counts, 1)
  const w = 240 / Math.max(counts.length, 1)
  return (
    <svg viewBox={`0 0 240 ${height}`} preserveAspectRatio="none" role="img" aria-label={label} className="block w-full" style={{ height }}>
      <line x1="0" x2="240" y1={height - 0.5} y2={height - 0.5} stroke="var(--line)" />
      {counts.map((c, i) => <rect key={i} x={i * w + 0.75} width={Math.max(w - 1.5, 1)} y={height - (c / most) * (height - 2)} height={(c / most) * (height - 2)} fill={colour} rx={1}><title>{titles?.[i]}</title></rect>)}
    </svg>
  )
}

/** Pair lays two histograms over the same bins beside each other: then and now. */
export function Pair({ labels, reference, current, names, label, height = 120 }: { labels: string[]; reference: number[]; current: number[]; names: [string, string]; label: string; height?: number }) {
  const most = Math.max(...reference, ...current, 1e-9)
  const n = Math.max(labels.length, 1)
  const w = 320 / n
  const bar = Math.min(w * 0.42, 26)
  const [at, setAt] = useState<number | null>(null)
  const id = useId()
  const every = Math.ceil(n / 7)
  return (
    <figure>
      <svg viewBox={`0 0 320 ${height + 18}`} role="img" aria-labelledby={id} className="block h-auto w-full text-[10px]" onPointerLeave={() => setAt(null)}>
        <title id={id}>{label}</title>
        {labels.map((l, i) => {
          const mid = i * w + w / 2
          const h = (v: number | undefined) => ((v ?? 0) / most) * (height - 6)
          return (
            <g key={i} onPointerEnter={() => setAt(i)}>
              <rect x={i * w} y={0} width={w} height={height} fill={at === i ? 'var(--sunken)' : 'transparent'} />
              <rect x={mid - bar} width={bar - 0.5} y={height - h(reference[i])} height={h(reference[i])} fill="var(--c-ref)" rx={1} />
              <rect x={mid + 0.5} width={bar - 0.5} y={height - h(current[i])} height={h(current[i])} fill="var(--c-cur)" rx={1} />
              {i % every === 0 && <text x={mid} y={height + 13} textAnchor="middle" fill="var(--ink-2)">{brief(l)}</text>}
            </g>
          )
        })}
        <line x1={0} x2={320} y1={height} y2={height} stroke="var(--line-strong)" />
      </svg>
      <figcaption className="min-h-5 text-[12.5px] text-ink-2" aria-hidden="true">
        {at === null
          ? <span className="flex flex-wrap gap-x-4">{names.map((nm, i) => <span key={nm} className="inline-flex items-center gap-1.5"><span className="size-2.5 rounded-[3px]" style={{ background: i ? 'var(--c-cur)' : 'var(--c-ref)' }} />{nm}</span>)}</span>
          : `${labels[at]}: ${percent(reference[at] ?? 0, 1)} → ${percent(current[at] ?? 0, 1)}`}
      </figcaption>
    </figure>
  )
}

/** brief is a bin's label where there is little room: where it begins. */
function brief(label: string): string {
  const from = label.split(' – ')[0]!
  return from.length > 9 ? `${from.slice(0, 8)}…` : from
}

/** Heat is a strip of cells per row: how far each column has moved, window by window. */
export function Heat({ rows, columns, value, bound, label, onPick, picked }: { rows: string[]; columns: string[]; value: (row: number, column: number) => number | null; bound: number; label: string; onPick: (row: number, column: number) => void; picked?: [number, number] }) {
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label={label}>
      <table className="border-separate border-spacing-[3px] text-[12.5px]">
        <thead><tr><td />{columns.map((c, i) => <th key={i} scope="col" className="min-w-11 px-0.5 pb-1 text-center text-[11.5px] leading-tight font-normal text-ink-2">{c}</th>)}</tr></thead>
        <tbody>
          {rows.map((r, i) => (
            <tr key={r}>
              <th scope="row" className="max-w-44 truncate pr-2 text-left font-normal" title={r}>{r}</th>
              {columns.map((c, j) => {
                const v = value(i, j)
                if (v === null) return <td key={j} className="text-center text-ink-3">·</td>
                const hot = Math.min(v / (bound * 4), 1)
                const text = v >= 10 ? String(Math.round(v)) : v.toFixed(v < 1 ? 2 : 1)
                return (
                  <td key={j} className="p-0">
                    <button type="button" onClick={() => onPick(i, j)} aria-label={`${r}, ${c}: ${text}`} aria-pressed={picked?.[0] === i && picked[1] === j}
                      className={cx('h-7 w-full rounded-[5px] text-[11px] tabular-nums', picked?.[0] === i && picked[1] === j && 'ring-2 ring-ink')}
                      style={{ background: v < bound ? `color-mix(in oklab, var(--c-ref) ${12 + (v / bound) * 22}%, var(--surface))` : `color-mix(in oklab, var(--c-cur) ${hot > 0.5 ? 72 + hot * 18 : 36 + hot * 24}%, var(--surface))`, color: v >= bound && hot > 0.5 ? 'light-dark(#1d1106, #1d1106)' : 'var(--ink)' }}>
                      {text}
                    </button>
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
