// All flows, each with a small picture of itself.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { flowsQuery } from '../api/queries'
import type { FlowDoc } from '../api/types'
import { useMay } from '../app/session'
import { ago, human } from '../design/format'
import { Icon } from '../design/icon'
import { Button, Ghost, Page } from '../design/kit'
import { Loaded } from '../design/problem'
import { t } from '../i18n'
import { edges, open } from './document'
import { NewFlow } from './new'

export function Flows() {
  const query = useQuery(flowsQuery)
  const may = useMay('write')
  const [making, setMaking] = useState(false)
  const make = may && <Button look="primary" icon="plus" onClick={() => setMaking(true)}>{t('flow.new')}</Button>
  return (
    <Page title={t('flow.title')} lead={t('flow.lead')} actions={make}>
      <Loaded query={query}>
        {(all) => all.length === 0 ? <Ghost icon="flow" title={t('flow.none')} action={make}>{t('flow.noneText')}</Ghost> : (
          <ul className="grid gap-4 md:grid-cols-2">{all.map((d) => <li key={d.flow.metadata?.name}><Item doc={d} /></li>)}</ul>
        )}
      </Loaded>
      {making && <NewFlow onClose={() => setMaking(false)} />}
    </Page>
  )
}

function Item({ doc }: { doc: FlowDoc }) {
  const name = doc.flow.metadata?.name ?? ''
  const steps = Object.keys(doc.flow.nodes ?? {}).length
  return (
    <Link to="/flow/$name" params={{ name }} className="card block overflow-hidden hover:border-accent">
      <Thumbnail doc={doc} />
      <div className="px-5 py-4"><h2 className="font-semibold tracking-[-0.01em]">{doc.flow.metadata?.title || human(name)}</h2><p className="text-[13px] text-ink-2">{[steps > 0 && t('prepare.steps', { count: steps }), doc.at && t('data.changed', { when: ago(doc.at) })].filter(Boolean).join(' · ')}</p></div>
    </Link>
  )
}

function Thumbnail({ doc }: { doc: FlowDoc }) {
  const d = open(doc)
  const all = Object.entries(d.places)
  const w = 236, h = 84
  const x0 = Math.min(0, ...all.map(([, p]) => p.x)) - 40, y0 = Math.min(0, ...all.map(([, p]) => p.y)) - 40
  const x1 = Math.max(900, ...all.map(([, p]) => p.x + w)) + 40, y1 = Math.max(240, ...all.map(([, p]) => p.y + h)) + 40
  if (all.length === 0) return <div aria-hidden="true" className="grid h-36 place-items-center border-b border-line bg-sunken text-ink-3"><Icon name="flow" size={30} /></div>
  return (
    <svg viewBox={`${x0} ${y0} ${x1 - x0} ${y1 - y0}`} aria-hidden="true" className="block h-36 w-full border-b border-line bg-sunken">
      {edges(d.flow).map((e, i) => {
        const a = d.places[e.from], b = d.places[e.to]
        return a && b ? <path key={i} d={`M${a.x + w},${a.y + h / 2} C${a.x + w + 40},${a.y + h / 2} ${b.x - 40},${b.y + h / 2} ${b.x},${b.y + h / 2}`} fill="none" stroke="var(--line-strong)" strokeWidth={5} /> : null
      })}
      {all.map(([id, p]) => <rect key={id} x={p.x} y={p.y} width={w} height={h} rx={16} fill="var(--surface)" stroke="var(--line-strong)" strokeWidth={3} />)}
    </svg>
  )
}
