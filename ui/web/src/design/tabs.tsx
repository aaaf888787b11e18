// Tabs as WAI-ARIA describes them: one tab stop, arrows move.
import { useId, type KeyboardEvent, type ReactNode } from 'react'
import { cx } from './kit'

export interface Tab { id: string; label: ReactNode; body: () => ReactNode }

export function Tabs({ tabs, active, onChange, label }: { tabs: Tab[]; active: string; onChange: (id: string) => void; label: string }) {
  const base = useId()
  const at = Math.max(0, tabs.findIndex((x) => x.id === active))
  const now = tabs[at]!
  function move(e: KeyboardEvent) {
    const step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0
    if (!step) return
    e.preventDefault()
    const next = tabs[(at + step + tabs.length) % tabs.length]!
    onChange(next.id)
    document.getElementById(`${base}-${next.id}`)?.focus()
  }
  return (
    <div>
      <div role="tablist" aria-label={label} onKeyDown={move} className="mb-5 flex gap-1 overflow-x-auto border-b border-line">
        {tabs.map((x) => (
          <button key={x.id} type="button" role="tab" id={`${base}-${x.id}`} aria-selected={x.id === now.id} aria-controls={x.id === now.id ? `${base}-panel` : undefined} tabIndex={x.id === now.id ? 0 : -1} onClick={() => onChange(x.id)}
            className={cx('-mb-px inline-flex items-center gap-2 border-b-2 px-3 py-2.5 text-sm font-medium whitespace-nowrap focus-visible:-outline-offset-2', x.id === now.id ? 'border-accent text-ink' : 'border-transparent text-ink-2 hover:text-ink')}>
            {x.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${now.id}`}>{now.body()}</div>
    </div>
  )
}
