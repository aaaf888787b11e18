import { expect, test } from 'vitest'
import { importanceOf, pointsOf } from './curves'

test('points come out of every usual shape', () => {
  const want = [[0, 0], [0.5, 0.8], [1, 1]]
  expect(pointsOf({ roc: { fpr: [0, 0.5, 1], tpr: [0, 0.8, 1] } }, 'roc')).toEqual(want)
  expect(pointsOf({ roc: [{ fpr: 0, tpr: 0 }, { fpr: 0.5, tpr: 0.8 }, { fpr: 1, tpr: 1 }] }, 'roc')).toEqual(want)
  expect(pointsOf({ roc: want }, 'roc')).toEqual(want)
  expect(pointsOf({ roc: { x: [0, null, 1], y: [0, 'x', 1] } }, 'roc')).toEqual([[0, 0], [1, 1]])
  expect(pointsOf(undefined, 'roc')).toEqual([])
})

test('importance is sorted whatever it came as', () => {
  const want = [{ name: 'age', value: 0.3 }, { name: 'job', value: 0.1 }]
  expect(importanceOf({ importance: { job: 0.1, age: 0.3 } })).toEqual(want)
  expect(importanceOf({ importance: [{ feature: 'job', importance: 0.1 }, { feature: 'age', importance: 0.3 }] })).toEqual(want)
  expect(importanceOf({ importance: { features: ['job', 'age'], values: [0.1, 0.3] } })).toEqual(want)
  expect(importanceOf({})).toEqual([])
})
