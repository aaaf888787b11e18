// What a training job tells while it runs: (state, event) → state.
import type { JobEvent, Trial } from '../api/types'

export interface Live { trials: Trial[]; leakage: { column: string; reason: string }[]; notes: string[]; metric?: string; progress?: { step?: string; done: number; total?: number; unit?: string } }

export const quiet: Live = { trials: [], leakage: [], notes: [] }

export function hear(s: Live, e: JobEvent): Live {
  const d = (e.data ?? {}) as Record<string, unknown>
  switch (e.type) {
    case 'trial': return typeof d.family === 'string' ? { ...s, metric: (d.metric as string) ?? s.metric, trials: [...s.trials, { family: d.family, params: (d.params ?? {}) as Record<string, unknown>, score: Number(d.score), metrics: (d.metrics ?? {}) as Record<string, number>, seconds: Number(d.seconds ?? 0), error: d.error as string | undefined }] } : s
    case 'leakage': return { ...s, leakage: [...s.leakage, ...(Array.isArray(d.columns) ? d.columns : [d]).filter((x) => x?.column).map((x) => ({ column: String(x.column), reason: String(x.reason ?? '') }))] }
    case 'progress': return { ...s, progress: d as unknown as Live['progress'] }
    case 'warning': return { ...s, notes: [...s.notes, String(d.text ?? d.message ?? e.data)] }
    default: return s
  }
}
