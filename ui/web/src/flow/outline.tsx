// The outline: every step in order with its state. It works at any zoom, with the
// keyboard alone and with a screen reader, and it is the flow on a phone.
import type { KeyboardEvent } from 'react'
import type { FlowProblem, Operator } from '../api/types'
import { Icon } from '../design/icon'
import { cx } from '../design/kit'
import { t } from '../i18n'
import { order } from './arrange'
import { titleOf, type Draft } from './document'
import { groupIcon } from './groups'
import type { States } from './live'
import { StateLine } from './state'

export function Outline({ draft, ops, states, problems, selected, onSelect, onOpen }: { draft: Draft; ops: Map<string, Operator>; states: States; problems: Map<string, FlowProblem[]>; selected: string | null; onSelect: (id: string) => void; onOpen: (byKey: boolean) => void }) {
  const ids = order(draft.flow)
  const stop = selected !== null && ids.includes(selected) ? selected : ids[0] // the list is one stop; arrows walk in it
  function walk(e: KeyboardEvent, at: number) {
    const to = e.key === 'ArrowDown' ? at + 1 : e.key === 'ArrowUp' ? at - 1 : -1
    if (to < 0 || to >= ids.length) return
    e.preventDefault()
    onSelect(ids[to]!)
    document.getElementById(`outline-${ids[to]}`)?.focus()
  }
  return (
    <ol aria-label={t('flow.outline')} className="grid grid-cols-[minmax(0,1fr)] gap-1">
      {ids.map((id, i) => {
        const n = draft.flow.nodes[id]!
        const from = Object.values(n.in ?? {}).filter(Boolean).map((v) => titleOf(draft.flow.nodes[v.split('.')[0]!], ops))
        const wrong = problems.get(id)?.[0]?.text
        return (
          <li key={id}>
            <button id={`outline-${id}`} type="button" aria-current={selected === id || undefined} tabIndex={id === stop ? 0 : -1} onClick={(e) => { onSelect(id); onOpen(e.detail === 0) }} onFocus={() => onSelect(id)} onKeyDown={(e) => walk(e, i)}
              className={cx('flex w-full items-start gap-2.5 rounded-lg px-2.5 py-2 text-left', selected === id ? 'bg-accent-soft' : 'hover:bg-sunken')}>
              <Icon name={groupIcon(ops.get(n.op)?.group)} size={17} className="mt-0.5 text-ink-2" />
              <span className="min-w-0 flex-1">
                <span className="block text-[13.5px] font-medium">{titleOf(n, ops)}</span>
                {from.length > 0 && <span className="block truncate text-[12.5px] text-ink-2">{t('flow.after', { steps: from.join(', ') })}</span>}
                {wrong ? <span className="block text-[12.5px] text-warn">{wrong}</span> : states[id] && <span className="block text-[12.5px]"><StateLine state={states[id]} /></span>}
              </span>
            </button>
          </li>
        )
      })}
    </ol>
  )
}
