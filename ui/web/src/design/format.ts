// How values look. Everything goes through Intl with the page's language.
import { t, tryT } from '../i18n'

const lang = () => document.documentElement.lang || 'en'

export const count = (n: number) => new Intl.NumberFormat(lang()).format(n)
export const short = (n: number) => new Intl.NumberFormat(lang(), { notation: n >= 10_000 ? 'compact' : 'standard', maximumFractionDigits: 1 }).format(n)
export const percent = (n: number, digits = 0) => new Intl.NumberFormat(lang(), { style: 'percent', maximumFractionDigits: digits, minimumFractionDigits: digits }).format(n)

/** figure shows a metric or statistic: three digits that matter. */
export function figure(n: number | null | undefined): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return '–'
  const a = Math.abs(n)
  if (a !== 0 && a < 0.0005) return n.toExponential(1)
  return new Intl.NumberFormat(lang(), { maximumFractionDigits: a >= 100 ? 0 : a >= 10 ? 1 : 3 }).format(n)
}

/** score shows a metric so that figures below each other line up. */
export function score(n: number | null | undefined): string {
  if (n === null || n === undefined || !Number.isFinite(n) || Math.abs(n) >= 10) return figure(n)
  return new Intl.NumberFormat(lang(), { minimumFractionDigits: 3, maximumFractionDigits: 3 }).format(n)
}

export function bytes(n: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
  let i = 0
  while (n >= 1000 && i < units.length - 1) { n /= 1000; i++ }
  return new Intl.NumberFormat(lang(), { style: 'unit', unit: units[i], unitDisplay: i === 0 ? 'long' : 'short', maximumFractionDigits: n < 10 && i > 0 ? 1 : 0 }).format(n)
}

export function millis(ms: number): string {
  if (ms < 1) return `${figure(Math.round(ms * 1000))} µs`
  if (ms < 1000) return `${figure(Math.round(ms * 10) / 10)} ms`
  if (ms < 90_000) return `${figure(Math.round(ms / 100) / 10)} s`
  return t('time.minutes', { count: Math.round(ms / 60_000) })
}

export const day = (at: string | Date) => new Intl.DateTimeFormat(lang(), { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(at))
export const moment = (at: string | Date) => new Intl.DateTimeFormat(lang(), { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at))

/** month names a window: "Jun 2009" for a month, the day otherwise. */
export function windowName(from: string, to: string): string {
  const days = (Date.parse(to) - Date.parse(from)) / 86_400_000
  if (days >= 27) return new Intl.DateTimeFormat(lang(), { month: 'short', year: 'numeric', timeZone: 'UTC' }).format(new Date(from))
  if (days >= 1) return day(from)
  return moment(from)
}

/** ago says how long since, in one word or two. */
export function ago(at: string, now = Date.now()): string {
  const s = (Date.parse(at) - now) / 1000
  const f = new Intl.RelativeTimeFormat(lang(), { numeric: 'auto' })
  const a = Math.abs(s)
  if (!Number.isFinite(s)) return ''
  if (a < 60) return t('time.now')
  if (a < 3600) return f.format(Math.round(s / 60), 'minute')
  if (a < 86_400) return f.format(Math.round(s / 3600), 'hour')
  if (a < 30 * 86_400) return f.format(Math.round(s / 86_400), 'day')
  return day(at)
}

/** cell is a value of a grid as text; null is told apart from an empty text. */
export function cell(v: unknown): string {
  if (v === null || v === undefined) return ''
  if (typeof v === 'number') return Number.isInteger(v) ? String(v) : String(Math.round(v * 1e6) / 1e6)
  if (typeof v === 'object') return JSON.stringify(v)
  const s = String(v)
  const date = /^(\d{4}-\d\d-\d\d)T00:00:00(\.0+)?Z$/.exec(s)
  return date ? date[1]! : s.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z$/, '$1 $2')
}

export const metricName = (m: string) => tryT(`metric.${m}`, m.replaceAll('_', ' '))
/** lowerIsBetter tells how to read a difference of a metric. */
export const lowerIsBetter = (m: string) => /loss|rmse|mae|mse|brier|mape|error/.test(m)
export const isNumber = (type: string) => /^(int|long|float|double|decimal|bigint|integer|hugeint|smallint|tinyint|u?bigint)/i.test(type)

/** human turns an identifier into words for headings: call_profile → Call profile. */
export function human(name: string): string {
  const s = name.replaceAll(/[_.-]+/g, ' ').trim()
  return s.charAt(0).toUpperCase() + s.slice(1)
}
