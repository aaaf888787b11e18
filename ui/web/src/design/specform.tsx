// Forms drawn from specs: a recipe step, a flow operator, whatever the server describes.
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { deploymentsQuery, modelsQuery, setsQuery, tablesQuery, viewsQuery } from '../api/queries'
import type { Column, FieldSpec } from '../api/types'
import { t } from '../i18n'
import { human } from './format'
import { Button, cx, Field } from './kit'
import { fieldKind, fromPairs, listText, optionsOf, pairsOf, parseList, toNumber } from './specfields'

const SqlEditor = lazy(() => import('../sql/editor').then((m) => ({ default: m.SqlEditor })))

export function SpecForm({ fields, values, onChange, columns = [], errors = {} }: { fields: FieldSpec[]; values: Record<string, unknown>; onChange: (name: string, value: unknown) => void; columns?: Column[]; errors?: Record<string, string> }) {
  return (
    <div className="grid gap-4">
      {fields.map((f) => (
        <Field key={f.name} label={f.title || human(f.name)} help={f.help} required={f.required} error={errors[f.name]}>
          {(p) => <Control p={p} f={f} value={values[f.name] ?? f.default} onChange={(v) => onChange(f.name, v)} columns={columns} />}
        </Field>
      ))}
    </div>
  )
}

interface Ids { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }
interface Props { p: Ids; f: FieldSpec; value: unknown; onChange: (v: unknown) => void; columns: Column[] }

function Control({ p, f, value, onChange, columns }: Props) {
  switch (fieldKind(f)) {
    case 'flag':
      return <span className="flex min-h-9 items-center"><input {...p} type="checkbox" className="size-5 accent-accent" checked={value === true} onChange={(e) => onChange(e.target.checked)} /></span>
    case 'number':
      return <input {...p} className="input" type="number" step="any" min={f.min} max={f.max} value={value === undefined || value === null ? '' : String(value)} placeholder={example(f)} onChange={(e) => onChange(toNumber(e.target.value))} />
    case 'choice':
      return <Choice p={p} options={optionsOf(f)} value={text(value)} onChange={onChange} required={f.required} />
    case 'column':
      return columns.length ? <Choice p={p} options={columns.map((c) => c.name)} value={text(value)} onChange={onChange} required={f.required} /> : <Text p={p} f={f} value={value} onChange={onChange} />
    case 'columns':
      return columns.length ? <Many p={p} options={columns.map((c) => c.name)} value={value} onChange={onChange} /> : <ListText p={p} f={f} value={value} onChange={onChange} />
    case 'many':
      return <Many p={p} options={optionsOf(f)} value={value} onChange={onChange} />
    case 'list':
      return <ListText p={p} f={f} value={value} onChange={onChange} />
    case 'known':
      return <Known p={p} f={f} value={text(value)} onChange={onChange} />
    case 'sql':
      return <Suspense fallback={<textarea {...p} className="input min-h-32 font-mono" defaultValue={text(value)} />}><SqlEditor id={p.id} label={f.title || human(f.name)} value={text(value)} onChange={onChange} /></Suspense>
    case 'pairs':
      return <Pairs p={p} value={value} onChange={onChange} columns={columns} />
    case 'object':
      return <Json p={p} value={value} onChange={onChange} />
    case 'long':
      return <textarea {...p} className="input min-h-56 font-mono text-[12.5px]!" spellCheck={false} value={text(value)} onChange={(e) => onChange(e.target.value || undefined)} />
    case 'text':
      return <Text p={p} f={f} value={value} onChange={onChange} />
  }
}

const text = (v: unknown) => (v === undefined || v === null ? '' : typeof v === 'object' ? JSON.stringify(v) : String(v))
const example = (f: FieldSpec) => (f.example === undefined ? undefined : t('form.example', { text: text(f.example) }))

function Text({ p, f, value, onChange }: Omit<Props, 'columns'>) {
  return <input {...p} className="input" value={text(value)} placeholder={example(f)} onChange={(e) => onChange(e.target.value === '' ? undefined : e.target.value)} />
}

function Choice({ p, options, value, onChange, required }: { p: Ids; options: string[]; value: string; onChange: (v: unknown) => void; required?: boolean }) {
  const all = value && !options.includes(value) ? [value, ...options] : options
  return (
    <select {...p} className="input" value={value} onChange={(e) => onChange(e.target.value || undefined)}>
      {(!required || value === '') && <option value="">{t('form.choose')}</option>}
      {all.map((o) => <option key={o} value={o}>{o}</option>)}
    </select>
  )
}

function Many({ p, options, value, onChange }: { p: Ids; options: string[]; value: unknown; onChange: (v: unknown) => void }) {
  const chosen = new Set(value === '*' ? options : Array.isArray(value) ? value.map(String) : [])
  const turn = (o: string) => onChange(options.filter((x) => (x === o ? !chosen.has(o) : chosen.has(x))))
  return (
    <div id={p.id} role="group" aria-describedby={p['aria-describedby']} className="flex max-h-44 flex-wrap gap-1.5 overflow-y-auto rounded-lg border border-line p-2">
      {options.map((o) => (
        <button key={o} type="button" aria-pressed={chosen.has(o)} onClick={() => turn(o)} className={cx('min-h-7 rounded-full border px-2.5 text-[12.5px]', chosen.has(o) ? 'border-accent bg-accent-soft font-medium text-accent-strong' : 'border-line text-ink-2 hover:border-line-strong')}>{o}</button>
      ))}
    </div>
  )
}

function ListText({ p, f, value, onChange }: Omit<Props, 'columns'>) {
  const [draft, setDraft] = useState(listText(value))
  return <input {...p} className="input" value={draft} placeholder={example(f) ?? t('form.list')} onChange={(e) => { setDraft(e.target.value); onChange(parseList(e.target.value)) }} />
}

function Json({ p, value, onChange }: { p: Ids; value: unknown; onChange: (v: unknown) => void }) {
  const [draft, setDraft] = useState(value === undefined ? '' : JSON.stringify(value, null, 2))
  const [bad, setBad] = useState(false)
  function change(next: string) {
    setDraft(next)
    try {
      onChange(next.trim() ? JSON.parse(next) : undefined)
      setBad(false)
    } catch {
      setBad(true)
    }
  }
  return <textarea {...p} aria-invalid={bad || p['aria-invalid']} className="input min-h-20 font-mono text-[12.5px]!" value={draft} placeholder='{"a": 1}' onChange={(e) => change(e.target.value)} />
}

function Pairs({ p, value, onChange, columns }: Omit<Props, 'f'>) {
  const [pairs, setPairs] = useState(() => pairsOf(value))
  function change(next: [string, string][]) {
    setPairs(next)
    onChange(fromPairs(next))
  }
  const set = (at: number, part: 0 | 1, text: string) => change(pairs.map((x, i) => (i === at ? (part === 0 ? [text, x[1]] : [x[0], text]) : x)))
  return (
    <div id={p.id} role="group" aria-describedby={p['aria-describedby']} className="grid gap-1.5">
      <datalist id={`${p.id}-columns`}>{columns.map((c) => <option key={c.name} value={c.name} />)}</datalist>
      {pairs.map(([k, v], i) => (
        <div key={i} className="grid grid-cols-[1fr_1fr_auto] gap-1.5">
          <input className="input" aria-label={t('form.pairKey', { n: i + 1 })} list={`${p.id}-columns`} value={k} onChange={(e) => set(i, 0, e.target.value)} />
          <input className="input" aria-label={t('form.pairValue', { n: i + 1 })} value={v} onChange={(e) => set(i, 1, e.target.value)} />
          <Button small look="quiet" onClick={() => change(pairs.toSpliced(i, 1))}>{t('remove')}</Button>
        </div>
      ))}
      <Button small icon="plus" className="justify-self-start" onClick={() => setPairs([...pairs, ['', '']])}>{t('form.addPair')}</Button>
    </div>
  )
}

/** Known offers what the project has of a kind; other names can still be typed. */
function Known({ p, f, value, onChange }: { p: Ids; f: FieldSpec; value: string; onChange: (v: unknown) => void }) {
  const kind = f.type.toLowerCase()
  const tables = useQuery({ ...tablesQuery, enabled: kind === 'table' }).data
  const views = useQuery({ ...viewsQuery, enabled: kind === 'view' }).data
  const models = useQuery({ ...modelsQuery, enabled: kind === 'model' }).data
  const sets = useQuery({ ...setsQuery, enabled: kind === 'training_set' || kind === 'training-set' }).data
  const deployments = useQuery({ ...deploymentsQuery, enabled: kind === 'deployment' }).data
  const options = tables?.map((x) => x.name) ?? views?.map((x) => x.view.name) ?? models?.map((x) => x.name) ?? (sets && [...new Set(sets.map((x) => x.spec.name))]) ?? deployments?.map((x) => x.name) ?? []
  return <><input {...p} className="input" list={`${p.id}-list`} value={value} placeholder={example(f)} onChange={(e) => onChange(e.target.value || undefined)} /><datalist id={`${p.id}-list`}>{options.map((o) => <option key={o} value={o} />)}</datalist></>
}
