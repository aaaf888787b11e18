// A form to try a prediction, filled from a row of the table: nobody begins with empty fields.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useId, useState } from 'react'
import { post, seg } from '../api/http'
import { profileQuery, rowsQuery } from '../api/queries'
import type { Answer, Input, Signature } from '../api/types'
import { cell } from '../design/format'
import { Button, buttonClass, Card, Field, Skeleton } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { AnswerCard } from '../endpoints/answer'
import { rowOf, wrong } from '../endpoints/request'
import { t } from '../i18n'

const firstFields = 6

export function TryIt({ name, signature, table, label, first }: { name: string; signature: Signature; table: string; label: string; first: string[] }) {
  const asked = useQuery({ ...rowsQuery(table), enabled: !!table, retry: false })
  const rows = asked.data
  const profile = useQuery({ ...profileQuery(table), enabled: !!table, retry: false }).data
  const cache = useQueryClient()
  const [at, setAt] = useState(0)
  const [typed, setTyped] = useState<Record<string, string>>({})
  const [all, setAll] = useState(false)
  const index = new Map(rows?.columns.map((c, i) => [c.name, i]))
  const row = rows?.rows?.[at]
  const column = (i: Input) => i.feature || i.name
  const fromRow = (i: Input) => { const v = row?.[index.get(column(i)) ?? -1]; return v === null || v === undefined ? '' : typeof v === 'number' ? String(v) : cell(v) }
  const values = Object.fromEntries(signature.inputs.map((i) => [i.name, typed[i.name] ?? fromRow(i)]))
  const rank = (i: Input) => { const r = first.indexOf(column(i)); return r < 0 ? first.length : r }
  const inputs = signature.inputs.toSorted((a, b) => rank(a) - rank(b))
  const shown = all || inputs.length <= firstFields + 1 ? inputs : inputs.slice(0, firstFields)
  const bad = wrong(signature.inputs, values)
  const ask = useMutation({ mutationFn: () => post<Answer>(`/v1/predict/${seg(name)}`, { rows: [rowOf(signature.inputs, values)] }), onSuccess: () => cache.invalidateQueries({ queryKey: ['deployments'] }) })
  const truth = row?.[index.get(label) ?? -1]
  if (asked.isLoading) return <div className="card p-5" aria-busy="true"><Skeleton lines={5} /></div>
  const changed = Object.keys(typed).length > 0
  return (
    <section className="grid items-start gap-5 lg:grid-cols-[minmax(0,1.35fr)_minmax(0,1fr)]">
      <Card title={t('predict.try')} className="pb-5">
        <form className="px-5 pt-1" onSubmit={(e) => { e.preventDefault(); ask.mutate() }}>
          {row && <p className="mb-4 text-ink-2">{t('predict.tryText')} {!changed && truth !== null && truth !== undefined && t('predict.was', { value: cell(truth) })}</p>}
          <div className="grid grid-cols-1 gap-3 min-[420px]:grid-cols-2 xl:grid-cols-3">{shown.map((i) => <ValueField key={i.name} input={i} options={options(profile?.find((c) => c.name === column(i))?.top)} value={values[i.name] ?? ''} bad={bad.includes(i.name)} onChange={(v) => setTyped({ ...typed, [i.name]: v })} />)}</div>
          {shown.length < inputs.length && <div className="mt-3"><Button small icon="down" onClick={() => setAll(true)}>{t('predict.allInputs', { count: inputs.length - shown.length })}</Button></div>}
          <div className="mt-5 flex flex-wrap items-center gap-2">
            <Button type="submit" look="primary" busy={ask.isPending} disabled={bad.length > 0}>{t('predict.ask')}</Button>
            {(rows?.rows?.length ?? 0) > 1 && <Button onClick={() => { setTyped({}); ask.reset(); setAt((at + 37) % rows!.rows.length) }}>{t('predict.another')}</Button>}
            {bad.length > 0 && <span className="text-[13px] text-bad">{t('endpoint.notNumber')}</span>}
            <Link to="/endpoints/$name" params={{ name }} className={buttonClass('quiet') + ' sm:ml-auto'}>{t('predict.use')}</Link>
          </div>
        </form>
      </Card>
      <div className="grid min-w-0 gap-5">
        {ask.error ? <ProblemNote error={ask.error} /> : null}
        {ask.data ? <AnswerCard answer={ask.data} signature={signature} /> : !ask.error && <div className="grid min-h-36 place-items-center rounded-card border border-dashed border-line-strong/60 px-6 text-center text-ink-2">{t('predict.answerHere')}</div>}
      </div>
    </section>
  )
}

const options = (top: { value?: unknown }[] | null | undefined) => (top ?? []).map((v) => cell(v.value)).filter(Boolean)

function ValueField({ input, options, value, bad, onChange }: { input: Input; options: string[]; value: string; bad: boolean; onChange: (v: string) => void }) {
  const list = useId()
  const text = input.type !== 'float'
  return (
    <Field label={input.feature || input.name} error={bad ? t('endpoint.notNumber') : undefined}>
      {(p) => <><input {...p} className="input" inputMode={text ? 'text' : 'decimal'} list={text && options.length ? list : undefined} value={value} placeholder={text ? t('endpoint.text') : t('endpoint.number')} onChange={(e) => onChange(e.target.value)} />{text && options.length > 0 && <datalist id={list}>{options.map((o) => <option key={o} value={o} />)}</datalist>}</>}
    </Field>
  )
}
