import { expect, test } from 'vitest'
import { judge } from './judge'

test('a figure is read against guessing', () => {
  expect(judge('roc_auc', 0.5, 0.5).word).toBe('none')
  expect(judge('roc_auc', 0.45, 0.5).word).toBe('none') // worse than chance is not called weak
  expect(judge('roc_auc', 0.61, 0.5).word).toBe('weak')
  expect(judge('roc_auc', 0.72, 0.5).word).toBe('fair')
  expect(judge('roc_auc', 0.93, 0.5).word).toBe('strong')
  expect(judge('log_loss', 0.69, 0.3).word).toBe('none')
  expect(judge('log_loss', 0.1, 0.5).word).toBe('strong')
  expect(judge('rmse', 4, undefined).word).toBe('unknown')
  expect(judge('roc_auc', Number.NaN, 0.5).word).toBe('unknown')
})
