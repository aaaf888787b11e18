// The flow editor: outline, canvas and settings around one draft; commands join them.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useMemo, useReducer, useRef, useState } from 'react'
import { post, put, seg } from '../api/http'
import { asProblem } from '../api/problem'
import type { FlowCheck, FlowDoc, FlowProblem, Job, Operator } from '../api/types'
import { useMay } from '../app/session'
import { Dialog } from '../design/dialog'
import { human } from '../design/format'
import { Badge, Button, cx } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { t } from '../i18n'
import { Canvas } from './canvas'
import { commandFor, commands, keyOf, type CommandId, type Context } from './commands'
import { AddDialog, ConnectDialog, HelpDialog } from './dialogs'
import { edit, layoutOf, moved, open, titleOf, unsaved } from './document'
import { GhostFlow } from './ghost'
import { useLive } from './live'
import { Outline } from './outline'
import { Panel } from './panel'
import { grouped } from '../app/grouped'

type Open = 'add' | 'connect' | 'help' | 'panel' | null

export function Editor({ name, doc, operators, reload }: { name: string; doc: FlowDoc; operators: Operator[]; reload: () => void }) {
  const [draft, tell] = useReducer(edit, doc, open)
  const [selected, select] = useState<string | null>(null)
  const [shown, show] = useState<Open>(null)
  const [tidied, setTidied] = useState(0)
  const may = useMay('write')
  const wide = useWide()
  const ops = useMemo(() => new Map(operators.map((o) => [o.id, o])), [operators])
  const live = useLive(name)
  const cache = useQueryClient()
  const nodes = Object.keys(draft.flow.nodes).length
  const chosen = selected && draft.flow.nodes[selected] ? selected : null

  const check = useQuery({
    queryKey: ['flow-check', name, draft.flow],
    queryFn: ({ signal }) => post<FlowCheck>(`/api/flows/${seg(name)}/validate`, { flow: draft.flow }, signal),
    enabled: nodes > 0, placeholderData: (before) => before, retry: false, staleTime: Infinity,
  })
  const problems = useMemo(() => group(check.data?.errors ?? []), [check.data])

  const save = useMutation({
    mutationFn: (what: 'all' | 'layout') => put<FlowDoc>(`/api/flows/${seg(name)}`, { flow: what === 'all' ? draft.flow : draft.saved.flow, layout: layoutOf(what === 'all' ? draft : { flow: draft.saved.flow, places: draft.places }), revision: draft.revision }),
    onSuccess: (saved, what) => {
      tell({ type: 'saved', doc: { ...saved, flow: what === 'all' ? draft.flow : draft.saved.flow } })
      cache.setQueryData(['flow', name], saved)
      void cache.invalidateQueries({ queryKey: ['flows'] })
    },
  })
  const run = useMutation({
    mutationFn: async (from?: string) => {
      if (unsaved(draft)) await save.mutateAsync('all')
      return post<Job>(`/api/flows/${seg(name)}/run`, from ? { from } : {})
    },
    onSuccess: (job) => { live.watch(job); void cache.invalidateQueries({ queryKey: ['jobs'] }) },
  })

  const stop = useMutation({ mutationFn: () => post(`/api/jobs/${live.job?.id}/cancel`), onSettled: () => cache.invalidateQueries({ queryKey: ['jobs'] }) })

  // Where boxes stand is saved by itself; what the flow means is saved when asked.
  useEffect(() => {
    if (!may || !moved(draft) || save.isPending || save.isError) return
    const timer = setTimeout(() => save.mutate('layout'), 900)
    return () => clearTimeout(timer)
  }, [draft.places, may]) // eslint-disable-line react-hooks/exhaustive-deps

  const act: Record<CommandId, () => void> = {
    add: () => show('add'),
    connect: () => show('connect'),
    configure: () => show('panel'),
    remove: () => { if (chosen) { tell({ type: 'remove', ids: [chosen] }); select(null); show(null) } },
    undo: () => tell({ type: 'undo' }),
    redo: () => tell({ type: 'redo' }),
    tidy: () => { tell({ type: 'tidy' }); setTidied(tidied + 1) },
    run: () => run.mutate(undefined),
    save: () => save.mutate('all'),
  }
  const context: Context = { selected: chosen, may, running: live.running || run.isPending, past: draft.past.length, future: draft.future.length, nodes, act }
  const latest = useRef({ context, shown })
  latest.current = { context, shown }
  useEffect(() => {
    function press(e: KeyboardEvent) {
      const { context: c, shown: s } = latest.current
      if (s || (e.target as HTMLElement).closest('input, textarea, select, [contenteditable], dialog')) return
      if (e.key === '?') return show('help')
      const command = commandFor(keyOf(e))
      if (!command?.enabled(c)) return
      if (command.id === 'configure' && (e.target as HTMLElement).closest('button, a')) return // Enter presses what has focus
      e.preventDefault()
      c.act[command.id]()
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [])

  const bar = (ids: CommandId[], look: 'quiet' | 'plain' = 'quiet') => commands.filter((c) => ids.includes(c.id)).map((c) => <Button key={c.id} small look={look} icon={c.icon} disabled={!c.enabled(context)} aria-keyshortcuts={c.key} onClick={act[c.id]}>{c.label()}</Button>)
  const dirty = unsaved(draft)
  const conflict = save.error && asProblem(save.error).status === 409
  const panel = chosen && <Panel key={chosen} id={chosen} draft={draft} ops={ops} state={live.states[chosen]} problems={problems.get(chosen) ?? []} may={may} tell={tell} onConnect={act.connect} onRemove={act.remove} onRunFrom={() => run.mutate(chosen)} />
  const outline = <Outline draft={draft} ops={ops} states={live.states} problems={problems} selected={chosen} onSelect={select} onOpen={(byKey) => { if (!wide) show('panel'); else if (byKey) setTimeout(() => document.querySelector<HTMLElement>('aside[data-panel] input')?.focus()) }} />

  return (
    <div className="flex flex-col lg:h-dvh">
      <header className="border-b border-line px-4 py-3 sm:px-6">
        <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
          <div className="min-w-0"><Link to="/flow" className="text-[13px] text-ink-2 hover:underline">{t('flow.title')}</Link><h1 className="truncate text-xl font-semibold tracking-[-0.02em]">{draft.flow.metadata?.title || human(name)}</h1></div>
          <div className="flex flex-wrap items-center gap-2">
            {dirty && <Badge tone="warn">{t('flow.unsaved')}</Badge>}
            {may && dirty && <Button icon="save" busy={save.isPending} onClick={act.save}>{t('save')}</Button>}
            {may && live.running && <Button icon="stop" busy={stop.isPending} onClick={() => stop.mutate()}>{t('cancel')}</Button>}
            {may && nodes > 0 && <Button look="primary" icon="play" busy={run.isPending || live.running} onClick={act.run}>{live.running ? t('flow.running') : t('flow.do.run')}</Button>}
          </div>
        </div>
        {nodes > 0 && <div role="toolbar" aria-label={t('flow.tools')} className="-ml-2.5 flex flex-wrap pt-1.5">{may && bar(['add', 'connect', 'undo', 'redo', 'tidy'])}<Button small look="quiet" icon="info" onClick={() => show('help')}>{t('flow.keys')}</Button></div>}
      </header>
      {(save.error || run.error || stop.error || live.error) && (
        <div className="grid gap-2 px-4 pt-3 sm:px-6">
          <ProblemNote error={save.error ?? run.error ?? stop.error} />
          {conflict && <div><Button onClick={() => { save.reset(); reload(); location.reload() }}>{t('flow.takeTheirs')}</Button></div>}
          {live.error && !run.error && <p role="status" className="rounded-lg bg-bad-soft px-4 py-2.5 text-[13.5px]"><span className="font-medium text-bad">{t('flow.lastFailed')}</span> {live.error}</p>}
        </div>
      )}
      {nodes === 0 ? <GhostFlow may={may} onAdd={act.add} /> : (
        <div className="min-h-0 flex-1 lg:grid lg:grid-cols-[264px_minmax(0,1fr)_auto]">
          <nav aria-label={t('flow.outline')} className="overflow-y-auto border-line p-3 lg:border-r"><h2 className="px-2.5 pb-2 text-[13px] font-medium text-ink-2">{t('flow.outline')}</h2>{outline}</nav>
          <div className="relative hidden bg-sunken/50 lg:block"><Canvas draft={draft} ops={ops} states={live.states} problems={problems} selected={chosen} may={may} tidied={tidied} onSelect={select} onOpen={() => { if (!wide) show('panel') }} tell={tell} /></div>
          {wide && chosen && <aside data-panel aria-label={titleOf(draft.flow.nodes[chosen], ops)} className="w-[340px] overflow-y-auto border-l border-line bg-surface p-5"><h2 className="mb-3 text-base font-semibold">{titleOf(draft.flow.nodes[chosen], ops)}</h2>{panel}</aside>}
        </div>
      )}
      {shown === 'add' && <AddDialog ops={operators} onClose={() => show(null)} onAdd={(op) => { tell({ type: 'add', op }); show(null) }} />}
      {shown === 'connect' && chosen && <ConnectDialog id={chosen} draft={draft} ops={ops} onClose={() => show(null)} onConnect={(o) => { tell({ type: 'connect', edge: o.edge }); show(null) }} />}
      {shown === 'help' && <HelpDialog onClose={() => show(null)} />}
      {shown === 'panel' && chosen && !wide && <Dialog open onClose={() => show(null)} title={titleOf(draft.flow.nodes[chosen], ops)} side="right">{panel}</Dialog>}
      <p role="status" className={cx('sr-only')}>{live.running ? t('flow.running') : ''}</p>
    </div>
  )
}

function group(all: FlowProblem[]): Map<string, FlowProblem[]> {
  return grouped(all, (p) => p.node ?? '')
}

/** useWide says whether settings fit beside the canvas. */
function useWide(): boolean {
  const query = '(min-width: 1024px)'
  const [wide, setWide] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const m = matchMedia(query)
    const turn = () => setWide(m.matches)
    m.addEventListener('change', turn)
    return () => m.removeEventListener('change', turn)
  }, [])
  return wide
}
