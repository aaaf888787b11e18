// Grid shows rows of any number: only those in view are in the document.
import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef } from 'react'
import type { Column } from '../api/types'
import { t } from '../i18n'
import { cell, count, isNumber } from './format'
import { cx } from './kit'

const rowHeight = 33
const sample = 60

export function Grid({ columns, rows, label, height = 480, marked }: { columns: Column[]; rows: unknown[][]; label: string; height?: number; marked?: (row: number, column: number) => boolean }) {
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: 12, initialRect: { width: 800, height } })
  const widths = useMemo(() => columns.map((c, i) => width(c.name, rows, i)), [columns, rows])
  const template = `${String(rows.length).length * 9 + 26}px ${widths.map((w) => `minmax(${w}px, auto)`).join(' ')}`.replaceAll('auto', '1fr')
  const total = widths.reduce((a, b) => a + b, 70)
  return (
    <div ref={scroller} role="table" aria-label={label} aria-rowcount={rows.length + 1} aria-colcount={columns.length + 1} tabIndex={0} className="overflow-auto rounded-lg border border-line bg-surface text-[13px] tabular-nums" style={{ maxHeight: height }}>
      <div role="rowgroup" className="sticky top-0 z-10" style={{ minWidth: total }}>
        <div role="row" aria-rowindex={1} className="grid border-b border-line bg-sunken" style={{ gridTemplateColumns: template }}>
          <div role="columnheader" className="px-2 py-2 text-right text-xs text-ink-3"><span className="sr-only">{t('grid.row')}</span></div>
          {columns.map((c) => (
            <div key={c.name} role="columnheader" className={cx('min-w-0 px-3 py-1.5 leading-tight', isNumber(c.type) && 'text-right')}>
              <div className="truncate font-medium" title={c.name}>{c.name}</div>
              <div className="truncate text-[11.5px] text-ink-3">{c.type}</div>
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize(), minWidth: total }}>
        {virtual.getVirtualItems().map((v) => (
          <div key={v.key} role="row" aria-rowindex={v.index + 2} className="absolute inset-x-0 grid border-b border-line/60 hover:bg-sunken/70" style={{ gridTemplateColumns: template, height: rowHeight, transform: `translateY(${v.start}px)` }}>
            <div role="rowheader" className="truncate px-2 py-1.5 text-right text-xs leading-5 text-ink-3">{count(v.index + 1)}</div>
            {columns.map((c, i) => <Cell key={c.name} value={rows[v.index]?.[i]} number={isNumber(c.type)} marked={marked?.(v.index, i)} />)}
          </div>
        ))}
      </div>
    </div>
  )
}

function Cell({ value, number, marked }: { value: unknown; number: boolean; marked?: boolean }) {
  const empty = value === null || value === undefined
  return <div role="cell" title={empty ? undefined : cell(value)} className={cx('truncate px-3 py-1.5 leading-5', number && 'text-right', marked && 'bg-accent-soft font-medium text-accent-strong')}>{empty ? <span className="text-ink-3 italic">{t('grid.none')}</span> : cell(value)}</div>
}

function width(name: string, rows: unknown[][], i: number): number {
  let most = name.length
  for (const r of rows.slice(0, sample)) most = Math.max(most, cell(r[i]).length)
  return Math.min(280, Math.max(76, most * 7.6 + 28))
}
