// The upload page's rules: (state, event) → state.
import type { Job, Load, Sniff } from '../api/types'

interface Sniffed { upload: string; name: string; size: number; table: string; sniff: Sniff; types: Record<string, string>; header: boolean }
export type State =
  | { at: 'empty' }
  | { at: 'sending'; name: string; size: number; sent: number; table: string; sniffing: boolean; upload?: string }
  | ({ at: 'sniffed' } & Sniffed)
  | ({ at: 'ingesting'; progress: Job['progress'] | null } & Sniffed)
  | { at: 'failed'; error: unknown; back?: Sniffed; upload?: string }
  | { at: 'loaded'; load: Load }

export type Event =
  | { type: 'file'; name: string; size: number; table: string }
  | { type: 'sent'; sent: number }
  | { type: 'stored'; upload: string }
  | { type: 'sniffed'; sniff: Sniff }
  | { type: 'table'; table: string }
  | { type: 'type'; column: string; to: string }
  | { type: 'header'; header: boolean }
  | { type: 'ingesting' }
  | { type: 'progress'; progress: Job['progress'] }
  | { type: 'loaded'; load: Load }
  | { type: 'failed'; error: unknown }
  | { type: 'back' }
  | { type: 'reset' }

export const begin: State = { at: 'empty' }

export function step(s: State, e: Event): State {
  switch (e.type) {
    case 'file': return { at: 'sending', name: e.name, size: e.size, sent: 0, table: e.table, sniffing: false }
    case 'sent': return s.at === 'sending' ? { ...s, sent: e.sent } : s
    case 'stored': return s.at === 'sending' ? { ...s, upload: e.upload, sniffing: true } : s
    case 'sniffed': return s.at === 'sending' && s.upload ? { at: 'sniffed', upload: s.upload, name: s.name, size: s.size, table: s.table, sniff: e.sniff, types: {}, header: e.sniff.header } : s
    case 'table': return s.at === 'sniffed' ? { ...s, table: e.table } : s
    case 'type': return s.at === 'sniffed' ? { ...s, types: { ...s.types, [e.column]: e.to } } : s
    case 'header': return s.at === 'sniffed' ? { ...s, header: e.header } : s
    case 'ingesting': return s.at === 'sniffed' ? { ...s, at: 'ingesting', progress: null } : s
    case 'progress': return s.at === 'ingesting' ? { ...s, progress: e.progress } : s
    case 'loaded': return { at: 'loaded', load: e.load }
    case 'failed': return { at: 'failed', error: e.error, back: s.at === 'ingesting' || s.at === 'sniffed' ? sniffedOf(s) : undefined, upload: 'upload' in s ? s.upload : undefined }
    case 'back': return s.at === 'failed' && s.back ? { at: 'sniffed', ...s.back } : s
    case 'reset': return begin
  }
}

function sniffedOf(s: Sniffed): Sniffed {
  return { upload: s.upload, name: s.name, size: s.size, table: s.table, sniff: s.sniff, types: s.types, header: s.header }
}

/** typesToSend is only what the user changed; undefined for nothing. */
export function typesToSend(s: { sniff: Sniff; types: Record<string, string> }): Record<string, string> | undefined {
  const changed = s.sniff.columns.filter((c) => s.types[c.name] && s.types[c.name] !== c.type)
  return changed.length ? Object.fromEntries(changed.map((c) => [c.name, s.types[c.name]!])) : undefined
}
