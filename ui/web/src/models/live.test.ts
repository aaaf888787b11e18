import { expect, test } from 'vitest'
import { hear, quiet } from './live'
import { bestOf, ranked } from './leaderboard'

const event = (type: string, data: unknown) => ({ seq: 1, at: '', type, data })

test('trials and leakage are gathered, the unknown is passed over', () => {
  let s = hear(quiet, event('trial', { family: 'lightgbm', score: 0.7, seconds: 3 }))
  s = hear(s, event('leakage', { column: 'duration', reason: 'knows too much' }))
  s = hear(s, event('from_the_future', { a: 1 }))
  s = hear(s, event('trial', null))
  expect(s.trials.map((x) => x.family)).toEqual(['lightgbm'])
  expect(s.leakage).toEqual([{ column: 'duration', reason: 'knows too much' }])
})

test('the best is first, by the direction of the metric; errors are last', () => {
  const trial = (family: string, score: number, error?: string) => ({ family, score, error, params: {}, metrics: {}, seconds: 1 })
  const all = [trial('a', 0.3), trial('b', 0.9), trial('c', 0, 'no')]
  expect(ranked(all, 'roc_auc').map((x) => x.family)).toEqual(['b', 'a', 'c'])
  expect(bestOf([trial('a', 0.9), trial('b', 0.8), trial('a', 0.7)]).map((x) => x.score)).toEqual([0.9, 0.8])
  expect(ranked(all, 'log_loss').map((x) => x.family)).toEqual(['a', 'b', 'c'])
})
