// Which part of a flow is put into the page. What is near the view is mounted, with a
// margin, and stays while the view is inside that margin: moving the view then costs no
// more than moving one layer, and a flow of 2,000 steps costs what its visible part costs.
import type { Edge, Point } from './document'

export interface Box { x: number; y: number; width: number; height: number }
export interface View { x: number; y: number; zoom: number }
export interface Placed { id: string; position: Point; width?: number; measured?: { height?: number } }

export const whole = 40 // up to so many steps are all mounted
export const farZoom = 0.4 // below it names of ports cannot be read, and are left out
const margin = 0.2 // of the view, on each side
const usualHeight = 130 // of a step that was not measured yet

export const heightOf = (n: Placed) => n.measured?.height ?? usualHeight

/** seen is the part of the flow that a pane of this size shows. */
export function seen(v: View, pane: { width: number; height: number }): Box {
  return { x: -v.x / v.zoom, y: -v.y / v.zoom, width: pane.width / v.zoom, height: pane.height / v.zoom }
}

/** frameFor keeps the frame while the view is inside it and it is not much larger than needed. */
export function frameFor(now: Box | null, view: Box): Box {
  if (now && holds(now, view) && now.width <= view.width * 2.5) return now
  const mx = view.width * margin, my = view.height * margin
  return { x: view.x - mx, y: view.y - my, width: view.width + 2 * mx, height: view.height + 2 * my }
}

const holds = (a: Box, b: Box) => a.x <= b.x && a.y <= b.y && a.x + a.width >= b.x + b.width && a.y + a.height >= b.y + b.height
const meets = (a: Box, b: Box) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

/** mounted names the steps in the frame, those that a wire through the frame joins, and the chosen one. */
export function mounted(all: Placed[], wires: Edge[], frame: Box | null, chosen: string | null): Set<string> {
  if (all.length <= whole || !frame) return new Set(all.map((n) => n.id))
  const boxes = new Map(all.map((n) => [n.id, { ...n.position, width: n.width ?? 0, height: heightOf(n) }]))
  const out = new Set(all.filter((n) => n.id === chosen || meets(boxes.get(n.id)!, frame)).map((n) => n.id))
  for (const w of wires) {
    const a = boxes.get(w.from), b = boxes.get(w.to)
    if (a && b && meets(around([a, b]), frame)) out.add(w.from).add(w.to)
  }
  return out
}

/** around is the smallest box that holds all of them. */
export function around(all: Box[]): Box {
  let x = Infinity, y = Infinity, right = -Infinity, bottom = -Infinity
  for (const b of all) {
    x = Math.min(x, b.x); y = Math.min(y, b.y)
    right = Math.max(right, b.x + b.width); bottom = Math.max(bottom, b.y + b.height)
  }
  return { x, y, width: right - x, height: bottom - y }
}
