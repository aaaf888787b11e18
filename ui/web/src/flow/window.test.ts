import { expect, test } from 'vitest'
import { around, frameFor, mounted, seen, type Placed } from './window'

// 20 columns of 10 steps, each given to the step right of it.
const all: Placed[] = Array.from({ length: 200 }, (_, i) => ({ id: `n${i}`, position: { x: Math.floor(i / 10) * 300, y: (i % 10) * 170 }, width: 236 }))
const wires = all.slice(10).map((n, i) => ({ from: `n${i}`, out: 'table', to: n.id, in: 'table' }))
const pane = { width: 1200, height: 800 }

test('the view is what the pane shows of the flow', () => {
  expect(seen({ x: -300, y: 100, zoom: 0.5 }, pane)).toEqual({ x: 600, y: -200, width: 2400, height: 1600 })
})

test('the frame stays while the view moves inside it, and follows when the view leaves it', () => {
  const first = frameFor(null, seen({ x: 0, y: 0, zoom: 1 }, pane))
  expect(frameFor(first, seen({ x: -230, y: -150, zoom: 1 }, pane))).toBe(first)
  expect(frameFor(first, seen({ x: -250, y: 0, zoom: 1 }, pane))).toEqual({ x: 10, y: -160, width: 1680, height: 1120 })
  expect(frameFor(first, seen({ x: 0, y: 0, zoom: 0.6 }, pane))).not.toBe(first)
})

test('a frame that is much too large after zooming in is given up', () => {
  const far = frameFor(null, seen({ x: 0, y: 0, zoom: 0.3 }, pane))
  expect(frameFor(far, seen({ x: -400, y: -300, zoom: 1 }, pane)).width).toBe(1680)
})

test('what is in the frame is mounted, and both ends of every wire that goes through it', () => {
  const frame = { x: 900, y: 0, width: 500, height: 300 } // columns 3 and 4, rows 0 and 1
  expect([...mounted(all, wires, frame, null)].sort()).toEqual(['n20', 'n21', 'n30', 'n31', 'n40', 'n41', 'n50', 'n51'])
  const long = [...wires, { from: 'n0', out: 'table', to: 'n190', in: 'table' }]
  expect(mounted(all, long, frame, null)).toContain('n190')
  expect(mounted(all, wires, frame, 'n199')).toContain('n199')
})

test('a small flow is mounted whole, wherever the view is', () => {
  expect(mounted(all.slice(0, 40), [], { x: 9000, y: 9000, width: 1, height: 1 }, null).size).toBe(40)
})

test('a box around boxes holds them', () => {
  expect(around([{ x: 0, y: 5, width: 10, height: 10 }, { x: -5, y: 20, width: 2, height: 2 }])).toEqual({ x: -5, y: 5, width: 15, height: 17 })
})
