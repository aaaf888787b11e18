// Adding and connecting without a mouse: lists to search and choose from.
import { useState } from 'react'
import type { Operator } from '../api/types'
import { Dialog } from '../design/dialog'
import { Icon } from '../design/icon'
import { Badge, Button, Ghost } from '../design/kit'
import { t, tryT } from '../i18n'
import { commands } from './commands'
import { offers, titleOf, type Draft, type Offer } from './document'
import { groupIcon } from './groups'
import { portColour } from './node'
import { grouped } from '../app/grouped'

export function AddDialog({ ops, onAdd, onClose }: { ops: Operator[]; onAdd: (op: Operator) => void; onClose: () => void }) {
  const [text, setText] = useState('')
  const found = ops.filter((o) => `${o.title} ${o.doc ?? ''} ${o.group}`.toLowerCase().includes(text.toLowerCase()))
  return (
    <Dialog open onClose={onClose} title={t('flow.do.add')}>
      <form onSubmit={(e) => { e.preventDefault(); if (found[0]) onAdd(found[0]) }}>
        <label className="sr-only" htmlFor="add-search">{t('flow.search')}</label>
        <input id="add-search" data-first className="input" placeholder={t('flow.search')} value={text} onChange={(e) => setText(e.target.value)} />
      </form>
      <div className="mt-4 grid gap-4">
        {[...grouped(found, (o) => o.group)].map(([group, list]) => (
          <section key={group}>
            <h3 className="mb-1 text-[13px] font-semibold text-ink-2">{tryT(`flow.group.${group}`, group)}</h3>
            <ul>{list.map((o) => (
              <li key={o.id}><button type="button" onClick={() => onAdd(o)} className="flex w-full items-start gap-3 rounded-lg px-2.5 py-2 text-left hover:bg-sunken"><Icon name={groupIcon(o.group)} className="mt-0.5 text-accent" /><span className="min-w-0"><span className="block font-medium">{o.title}</span>{o.doc && <span className="block text-[13px] text-ink-2">{o.doc}</span>}</span></button></li>
            ))}</ul>
          </section>
        ))}
        {found.length === 0 && <p className="text-ink-2">{t('flow.nothingFound')}</p>}
      </div>
    </Dialog>
  )
}

export function ConnectDialog({ id, draft, ops, onConnect, onClose }: { id: string; draft: Draft; ops: Map<string, Operator>; onConnect: (o: Offer) => void; onClose: () => void }) {
  const list = offers(draft.flow, ops, id)
  const name = (node: string) => titleOf(draft.flow.nodes[node], ops)
  const portOf = (node: string, side: 'in' | 'out', port: string) => ops.get(draft.flow.nodes[node]?.op ?? '')?.[side]?.find((p) => p.name === port)
  return (
    <Dialog open onClose={onClose} title={t('flow.connectTitle', { step: name(id) })}>
      {list.length === 0 ? <Ghost icon="link" title={t('flow.noOffer')}>{t('flow.noOfferText')}</Ghost> : (
        <ul className="grid gap-1">{list.map((o, i) => {
          const out = portOf(o.edge.from, 'out', o.edge.out), into = portOf(o.edge.to, 'in', o.edge.in)
          return (
            <li key={i}><button type="button" data-first={i === 0 || undefined} onClick={() => onConnect(o)} className="flex w-full items-center gap-3 rounded-lg px-3 py-2.5 text-left hover:bg-sunken">
              <span className="size-3 shrink-0 rounded-full" style={{ background: portColour[out?.type ?? ''] }} aria-hidden="true" />
              <span className="min-w-0 flex-1"><span className="block font-medium">{o.edge.from === id ? t('flow.giveTo', { step: name(o.edge.to) }) : t('flow.takeFrom', { step: name(o.edge.from) })}</span><span className="block text-[13px] text-ink-2">{t('flow.portTo', { from: out?.title || o.edge.out, to: into?.title || o.edge.in })}</span></span>
              {o.replaces && <Badge tone="warn">{t('flow.replaces')}</Badge>}
            </button></li>
          )
        })}</ul>
      )}
    </Dialog>
  )
}

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog open onClose={onClose} title={t('flow.keys')} size="sm">
      <dl className="grid grid-cols-[1fr_auto] gap-x-6 gap-y-2">{commands.map((c) => <div key={c.id} className="contents"><dt>{c.label()}</dt><dd><Key text={c.key} /></dd></div>)}</dl>
      <p className="mt-4 text-[13px] text-ink-2">{t('flow.keysText')}</p>
      <div className="mt-4 flex justify-end"><Button onClick={onClose}>{t('close')}</Button></div>
    </Dialog>
  )
}

function Key({ text }: { text: string }) {
  return <>{text.split('+').map((k) => <kbd key={k} className="ml-1 rounded border border-line-strong/60 bg-sunken px-1.5 py-0.5 font-mono text-[12px]">{k.length === 1 ? k.toUpperCase() : tryT(`key.${k}`, k)}</kbd>)}</>
}
