// How a figure is to be read: against what guessing would score, in plain words.
import { lowerIsBetter } from '../design/format'
import type { Tone } from '../design/kit'

export interface Verdict { word: 'unknown' | 'none' | 'weak' | 'fair' | 'strong'; tone: Tone }

/**
 * judge tells how much of the distance from guessing to perfect a model covers: under
 * 2 % none, under 30 % weak, under 60 % fair. Metrics without an upper end (losses,
 * errors) end at zero; the others at one.
 */
export function judge(metric: string, value: number | undefined, base: number | undefined): Verdict {
  if (value === undefined || !Number.isFinite(value)) return { word: 'unknown', tone: 'plain' }
  const lower = lowerIsBetter(metric)
  const from = base ?? (metric === 'roc_auc' ? 0.5 : undefined)
  if (from === undefined || !Number.isFinite(from)) return { word: 'unknown', tone: 'plain' }
  const room = lower ? from : 1 - from
  if (room <= 0) return { word: 'unknown', tone: 'plain' }
  const gain = (lower ? from - value : value - from) / room
  if (gain < 0.02) return { word: 'none', tone: 'bad' }
  if (gain < 0.3) return { word: 'weak', tone: 'warn' }
  if (gain < 0.6) return { word: 'fair', tone: 'info' }
  return { word: 'strong', tone: 'good' }
}
