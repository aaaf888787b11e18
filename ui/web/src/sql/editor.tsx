// The SQL editor: CodeMirror with our own colours, since its default ones fail on dark.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { sql, PostgreSQL } from '@codemirror/lang-sql'
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { Compartment, EditorState, Prec } from '@codemirror/state'
import { EditorView, keymap, placeholder } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { useEffect, useRef } from 'react'
import { t } from '../i18n'

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--accent-strong)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--info)' },
  { tag: tags.comment, color: 'var(--ink-3)', fontStyle: 'italic' },
  { tag: [tags.typeName, tags.standard(tags.name)], color: 'var(--warn)' },
])

const look = EditorView.theme({
  '&': { background: 'var(--surface)', color: 'var(--ink)' },
  '.cm-content': { fontFamily: 'var(--mono)', padding: '10px 4px', caretColor: 'var(--accent)', minHeight: '62px' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)', borderLeftWidth: '2px' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground, .cm-content ::selection': { background: 'var(--accent-soft) !important' },
  '.cm-placeholder': { color: 'var(--ink-3)' },
  '.cm-tooltip': { background: 'var(--raised)', border: '1px solid var(--line)', borderRadius: '8px', overflow: 'hidden' },
  '.cm-tooltip-autocomplete ul li': { padding: '3px 10px !important' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { background: 'var(--accent) !important', color: 'var(--on-accent) !important' },
  '.cm-matchingBracket': { background: 'var(--accent-soft) !important' },
})

export interface Schema { [table: string]: string[] }

export function SqlEditor({ value, onChange, onRun, label, id, schema }: { value: string; onChange: (v: string) => void; onRun?: () => void; label: string; id?: string; schema?: Schema }) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const language = useRef(new Compartment())
  const now = useRef({ onChange, onRun })
  now.current = { onChange, onRun }

  useEffect(() => {
    const run = () => { now.current.onRun?.(); return !!now.current.onRun }
    const v = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: value,
        extensions: [
          Prec.highest(keymap.of([{ key: 'Mod-Enter', run }, { key: 'Ctrl-Enter', run }])),
          // Tab is left to the browser: an editor must not trap the keyboard.
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap]),
          history(), closeBrackets(), bracketMatching(), indentOnInput(), autocompletion(), EditorView.lineWrapping,
          language.current.of(sql({ dialect: PostgreSQL, upperCaseKeywords: false, schema })),
          syntaxHighlighting(colours), look, placeholder(t('sql.placeholder')),
          EditorView.contentAttributes.of({ 'aria-label': label, ...(id ? { id } : {}) }),
          EditorView.updateListener.of((u) => { if (u.docChanged) now.current.onChange(u.state.doc.toString()) }),
        ],
      }),
    })
    view.current = v
    return () => v.destroy()
  }, []) // eslint-disable-line react-hooks/exhaustive-deps -- the editor keeps its own state

  useEffect(() => {
    const v = view.current
    if (v && v.state.doc.toString() !== value) v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value } })
  }, [value])
  useEffect(() => {
    view.current?.dispatch({ effects: language.current.reconfigure(sql({ dialect: PostgreSQL, schema })) })
  }, [schema])

  return <div ref={host} className="overflow-hidden rounded-lg border border-line-strong focus-within:border-accent focus-within:ring-1 focus-within:ring-accent" />
}
