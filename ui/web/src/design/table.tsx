// Plain tables for short lists: a heading row, rows, and cards' padding.
import type { ReactNode } from 'react'
import { cx } from './kit'

export interface Col<T> { head: string; cell: (row: T) => ReactNode; right?: boolean; hide?: boolean; grow?: boolean; wrap?: boolean }

export function List<T>({ rows, cols, label, id }: { rows: T[]; cols: Col<T>[]; label: string; id: (row: T, i: number) => string }) {
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label={label}>
      <table className="w-full border-collapse text-left">
        <thead>
          <tr className="border-b border-line text-[12.5px] text-ink-2">
            {cols.map((c) => <th key={c.head} scope="col" className={cx('px-3 py-2 font-medium whitespace-nowrap first:pl-5 last:pr-5', c.right && 'text-right', c.hide && 'max-sm:hidden', c.grow && 'w-full')}>{c.head}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map((r, i) => (
            <tr key={id(r, i)} className="border-b border-line/60 last:border-0 hover:bg-sunken/60">
              {cols.map((c) => <td key={c.head} className={cx('px-3 py-2.5 align-baseline first:pl-5 last:pr-5', c.right && 'text-right tabular-nums', !c.grow && !c.wrap && 'whitespace-nowrap', c.hide && 'max-sm:hidden')}>{c.cell(r)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
