import { expect, test } from 'vitest'
import { begin, step, typesToSend, type Event, type State } from './state'

const sniff = { encoding: 'utf-8', delimiter: ',', quote: '"', header: true, columns: [{ name: 'a', type: 'long', nulls: 0, bad: 0, examples: [] }, { name: 'b', type: 'string', nulls: 1, bad: 0, examples: [] }], rows_sampled: 2, preview: [['1', 'x']], warnings: [] }
const run = (...events: Event[]) => events.reduce(step, begin)
const sniffed = run({ type: 'file', name: 'a.csv', size: 10, table: 'raw.a' }, { type: 'sent', sent: 10 }, { type: 'stored', upload: 'u' }, { type: 'sniffed', sniff })

test('a file becomes a table', () => {
  expect(sniffed.at).toBe('sniffed')
  const end = [{ type: 'ingesting' } as const, { type: 'loaded', load: { table: 'raw.a' } as never } as const].reduce<State>(step, sniffed)
  expect(end.at).toBe('loaded')
})

test('only changed types are sent', () => {
  if (sniffed.at !== 'sniffed') throw new Error(sniffed.at)
  expect(typesToSend(sniffed)).toBeUndefined()
  const changed = step(step(sniffed, { type: 'type', column: 'a', to: 'string' }), { type: 'type', column: 'b', to: 'string' })
  if (changed.at !== 'sniffed') throw new Error(changed.at)
  expect(typesToSend(changed)).toEqual({ a: 'string' })
})

test('a failure while taking in goes back to the form, nothing lost', () => {
  const edited = step(sniffed, { type: 'table', table: 'raw.other' })
  const failed = step(step(edited, { type: 'ingesting' }), { type: 'failed', error: new Error('no') })
  const back = step(failed, { type: 'back' })
  expect(back).toEqual(edited)
})

test('events that come late change nothing', () => {
  expect(step(begin, { type: 'sent', sent: 3 })).toBe(begin)
  expect(step(begin, { type: 'sniffed', sniff })).toBe(begin)
})
