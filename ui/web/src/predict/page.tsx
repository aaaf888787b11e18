// From a file to a question in two steps: drop the file, choose the column.
import { getRouteApi, Link } from '@tanstack/react-router'
import { useQuery } from '@tanstack/react-query'
import { useCallback, useEffect } from 'react'
import { tablesQuery } from '../api/queries'
import { accept } from '../data/incoming'
import { DropZone } from '../data/dropzone'
import { count } from '../design/format'
import { Icon } from '../design/icon'
import { Button, Card, Page, Progress } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { t } from '../i18n'
import { Choose } from './choose'
import { useTaking } from './take'

const route = getRouteApi('/shell/predict')

export function Predict() {
  const { table } = route.useSearch()
  const go = route.useNavigate()
  const ready = useCallback((name: string) => void go({ search: { table: name } }), [go])
  const { state, take, stop } = useTaking(ready)
  useEffect(() => {
    const file = accept()
    if (file) void take(file)
  }, [take])
  if (table && state.at !== 'busy') return <Choose key={table} table={table} load={state.at === 'taken' ? state.load : undefined} onOther={() => { stop(); void go({ search: {} }) }} />
  return (
    <Page title={t('predict.question')} lead={t('predict.dropLead')}>
      {state.at === 'busy' ? (
        <Card className="p-6">
          <p className="text-base font-semibold">{state.name}</p>
          <p role="status" className="mt-1 mb-3 text-ink-2 tabular-nums">{state.text}</p>
          <Progress value={state.share} label={state.text} />
          <div className="mt-4"><Button small icon="stop" onClick={stop}>{t('cancel')}</Button></div>
        </Card>
      ) : (
        <div className="grid gap-5">
          {state.at === 'failed' && <ProblemNote error={state.error} />}
          <DropZone large title={t('predict.drop')} text={t('predict.dropText')} onFile={(f) => void take(f)} />
          <Card className="flex flex-wrap items-center justify-between gap-4 px-5 py-4">
            <div className="min-w-0"><p className="font-medium">{t('predict.example')}</p><p className="text-[13px] text-ink-2">{t('predict.exampleText')}</p></div>
            <Button icon="play" onClick={() => void example().then(take)}>{t('predict.useExample')}</Button>
          </Card>
          <Tables />
        </div>
      )}
    </Page>
  )
}

async function example(): Promise<File> {
  const res = await fetch('/examples/tumours.csv')
  return new File([await res.blob()], 'tumours.csv', { type: 'text/csv' })
}

function Tables() {
  const tables = (useQuery(tablesQuery).data ?? []).filter((x) => x.rows > 0 && !x.name.endsWith('__rejects') && x.name.startsWith('raw.')).toSorted((a, b) => Date.parse(b.updated) - Date.parse(a.updated)).slice(0, 5)
  if (tables.length === 0) return null
  return (
    <Card title={t('predict.orTable')} className="pb-2">
      <ul className="px-2">{tables.map((x) => (
        <li key={x.name}><Link to="/predict" search={{ table: x.name }} className="flex items-center gap-3 rounded-lg px-3 py-2 hover:bg-sunken"><Icon name="data" className="text-ink-3" /><span className="min-w-0 flex-1 truncate font-medium">{x.name}</span><span className="text-[13px] text-ink-2">{t('data.rows', { count: x.rows, n: count(x.rows) })}</span><Icon name="right" size={16} className="text-ink-3" /></Link></li>
      ))}</ul>
    </Card>
  )
}
