import { expect, test } from 'vitest'
import { commandFor, commands, keyOf } from './commands'

const press = (key: string, mods: Partial<Record<'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey', boolean>> = {}) => keyOf({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...mods })

test('keys find their command on every keyboard', () => {
  expect(commandFor(press('c'))?.id).toBe('connect')
  expect(commandFor(press('C', { shiftKey: true }))?.id).toBe('connect')
  expect(commandFor(press('Z', { ctrlKey: true, shiftKey: true }))?.id).toBe('redo')
  expect(commandFor(press('z', { metaKey: true }))?.id).toBe('undo')
  expect(commandFor(press('y', { ctrlKey: true }))?.id).toBe('redo')
  expect(commandFor(press('Backspace'))?.id).toBe('remove')
  expect(commandFor(press('c', { ctrlKey: true }))).toBeUndefined()
})

test('no two commands share a key', () => {
  expect(new Set(commands.map((c) => c.key)).size).toBe(commands.length)
})
