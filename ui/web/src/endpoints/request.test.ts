import { expect, test } from 'vitest'
import type { Input } from '../api/types'
import { classes, curl, rowOf, wrong } from './request'

const inputs: Input[] = [{ name: 'age', type: 'float' }, { name: 'job', type: 'string' }]

test('numbers are numbers, nothing is null', () => {
  expect(rowOf(inputs, { age: '41', job: '41' })).toEqual({ age: 41, job: '41' })
  expect(rowOf(inputs, { age: ' ' })).toEqual({ age: null, job: null })
  expect(rowOf(inputs, { age: '1,5', job: 'admin.' })).toEqual({ age: 1.5, job: 'admin.' })
  expect(wrong(inputs, { age: 'old', job: 'x' })).toEqual(['age'])
})

test('a quote in a value does not break the command', () => {
  expect(curl('http://h', 'm', { rows: [{ job: "it's" }] })).toContain(`it'\\''s`)
})

test('scores come highest first', () => {
  expect(classes({ id: '', score: 0.2, scores: { yes: 0.2, no: 0.8 } }).map((c) => c.name)).toEqual(['no', 'yes'])
})
