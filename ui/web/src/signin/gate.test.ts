import { expect, test } from 'vitest'
import { refusal, tooSlow, type Machine } from './gate'

const good: Machine = { reducedMotion: false, saveData: false, cores: 8, narrow: false, renderer: 'ANGLE (NVIDIA GeForce)' }

test('only a machine that carries it easily moves', () => {
  expect(refusal(good)).toBeNull()
  expect(refusal({ ...good, reducedMotion: true })).toBe('reduced-motion')
  expect(refusal({ ...good, saveData: true })).toBe('save-data')
  expect(refusal({ ...good, cores: 2 })).toBe('few-cores')
  expect(refusal({ ...good, narrow: true })).toBe('narrow')
  expect(refusal({ ...good, renderer: null })).toBe('no-webgl')
  expect(refusal({ ...good, renderer: 'ANGLE (Google, Vulkan 1.3 (SwiftShader Device))' })).toBe('software')
  expect(refusal({ ...good, renderer: 'llvmpipe (LLVM 15)' })).toBe('software')
})

test('slow first frames end it', () => {
  expect(tooSlow(Array(60).fill(17))).toBe(false)
  expect(tooSlow(Array(60).fill(33))).toBe(true)
})
