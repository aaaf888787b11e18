import { useState, type Dispatch } from 'react'
import { Button } from '../design/kit'
import { t } from '../i18n'
import { note, type Cell, type Edit } from './cells'
import { CellTools } from './tools'

export function NoteCell({ cell, at, tell, last }: { cell: Cell; at: number; tell: Dispatch<Edit>; last: boolean }) {
  const [editing, setEditing] = useState(cell.text === '')
  return (
    <section className="px-1" aria-label={t('sql.noteN', { n: at + 1 })}>
      {editing ? (
        <textarea autoFocus aria-label={t('sql.noteN', { n: at + 1 })} className="input min-h-24" placeholder={t('sql.notePlaceholder')} value={cell.text} onChange={(e) => tell({ type: 'text', id: cell.id, text: e.target.value })} />
      ) : (
        <div className="grid gap-1">{note(cell.text).map((p, i) => {
          const runs = p.runs.map((r, j) => (r.bold ? <strong key={j}>{r.text}</strong> : r.code ? <code key={j} className="rounded bg-sunken px-1 font-mono text-[13px]">{r.text}</code> : r.text))
          return p.kind === 'h' ? <h2 key={i} className="text-lg font-semibold tracking-[-0.02em]">{runs}</h2> : <p key={i} className={p.kind === 'li' ? 'ml-2 flex gap-2' : ''}>{p.kind === 'li' && <span aria-hidden="true" className="text-accent">•</span>}<span>{runs}</span></p>
        })}</div>
      )}
      <div className="mt-1 flex items-center gap-1"><Button small look="quiet" onClick={() => setEditing(!editing)} disabled={editing && !cell.text}>{editing ? t('done') : t('edit')}</Button><CellTools id={cell.id} first={at === 0} last={last} tell={tell} /></div>
    </section>
  )
}
