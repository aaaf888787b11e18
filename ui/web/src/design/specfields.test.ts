import { expect, test } from 'vitest'
import { fieldKind, missing, parseList, toNumber } from './specfields'

test('a field is asked for by its type', () => {
  expect(fieldKind({ name: 'a', type: 'bool' })).toBe('flag')
  expect(fieldKind({ name: 'a', type: 'text', options: ['x'] })).toBe('choice')
  expect(fieldKind({ name: 'a', type: 'list', options: ['x'] })).toBe('many')
  expect(fieldKind({ name: 'a', type: 'enum' })).toBe('text')
  expect(fieldKind({ name: 'a', type: 'from_the_future' })).toBe('text')
})

test('empty means left out', () => {
  expect(toNumber(' ')).toBeUndefined()
  expect(toNumber('0')).toBe(0)
  expect(toNumber('1e')).toBeUndefined()
  expect(parseList(' a, b ,,')).toEqual(['a', 'b'])
  expect(parseList(' , ')).toBeUndefined()
})

test('required fields without value or default are named', () => {
  const fields = [{ name: 'a', type: 'text', required: true }, { name: 'b', type: 'number', required: true, default: 0 }, { name: 'c', type: 'text' }]
  expect(missing(fields, {})).toEqual(['a'])
  expect(missing(fields, { a: '' })).toEqual(['a'])
  expect(missing(fields, { a: 'x' })).toEqual([])
})
