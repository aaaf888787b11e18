// A chart of a result: one column along, one column up.
import type { Rows } from '../api/types'
import { Bars, LineChart } from '../design/charts'
import { cell, figure, isNumber } from '../design/format'
import { t } from '../i18n'
import type { Chart } from './cells'

export function ChartBox({ chart, rows, onChange }: { chart: Chart; rows: Rows; onChange: (c: Chart) => void }) {
  const names = rows.columns.map((c) => c.name)
  const numbers = rows.columns.filter((c) => isNumber(c.type)).map((c) => c.name)
  const x = names.includes(chart.x) ? chart.x : (rows.columns.find((c) => !isNumber(c.type))?.name ?? names[0]!)
  const y = numbers.includes(chart.y) ? chart.y : numbers.findLast((n) => n !== x)
  if (!y) return <p className="rounded-lg bg-sunken px-3 py-2 text-[13px] text-ink-2">{t('sql.noNumbers')}</p>
  const xi = names.indexOf(x), yi = names.indexOf(y)
  const picker = (label: string, value: string, options: string[], set: (v: string) => void) => (
    <label className="inline-flex items-center gap-2 text-[13px] text-ink-2">{label}<select className="input min-h-8! w-auto! py-1! text-[13px]!" value={value} onChange={(e) => set(e.target.value)}>{options.map((o) => <option key={o} value={o}>{o}</option>)}</select></label>
  )
  const shown = rows.rows.slice(0, chart.kind === 'bar' ? 40 : 2000)
  return (
    <div className="rounded-lg border border-line p-4">
      <div className="mb-4 flex flex-wrap gap-x-4 gap-y-2">
        <label className="inline-flex items-center gap-2 text-[13px] text-ink-2">{t('sql.kind')}<select className="input min-h-8! w-auto! py-1! text-[13px]!" value={chart.kind} onChange={(e) => onChange({ ...chart, x, y, kind: e.target.value as Chart['kind'] })}><option value="bar">{t('sql.bar')}</option><option value="line">{t('sql.line')}</option></select></label>
        {picker(t('sql.along'), x, names, (v) => onChange({ ...chart, y, x: v }))}
        {picker(t('sql.upward'), y, numbers, (v) => onChange({ ...chart, x, y: v }))}
      </div>
      {chart.kind === 'bar'
        ? <Bars label={t('sql.chartOf', { x, y })} items={shown.map((r, i) => ({ name: cell(r[xi]) || t('grid.none'), value: Number(r[yi] ?? 0), note: String(i) }))} />
        : <LineChart label={t('sql.chartOf', { x, y })} series={[{ name: y, colour: 'var(--c-cur)', dots: shown.length <= 40, points: shown.map((r, i): [number, number] => [i, Number(r[yi])]) }]} x={{ ticks: ticks(shown.map((r) => cell(r[xi]))), format: (i) => cell(shown[Math.round(i)]?.[xi]) }} y={{ format: figure }} />}
      {rows.rows.length > shown.length && <p className="mt-2 text-[13px] text-ink-2">{t('sql.chartFirst', { n: shown.length })}</p>}
    </div>
  )
}

function ticks(labels: string[]) {
  const every = Math.max(1, Math.ceil(labels.length / 6))
  return labels.map((text, at) => ({ at, text })).filter((k) => k.at % every === 0)
}
