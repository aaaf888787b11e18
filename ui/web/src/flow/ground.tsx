// The dotted ground under a flow. It follows the view without React and without being
// painted anew: a layer one dot larger than the pane is shifted by less than one dot.
import { useStoreApi } from '@xyflow/react'
import { useLayoutEffect, useRef } from 'react'

const gap = 20, dot = 1.2

export function Ground() {
  const store = useStoreApi()
  const layer = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    let last = 0
    const follow = () => {
      const [x, y, zoom] = store.getState().transform, el = layer.current
      if (!el) return
      const step = gap * zoom
      if (zoom !== last) {
        last = zoom
        el.style.inset = `0 ${-step}px ${-step}px 0`
        el.style.margin = `${-step}px 0 0 ${-step}px`
        el.style.backgroundSize = `${step}px ${step}px`
        el.style.backgroundImage = `radial-gradient(circle, var(--line) ${(dot * zoom) / 2}px, transparent ${(dot * zoom) / 2 + 0.5}px)`
      }
      // Dots stand in the middle of their tiles, and on the points of the grid.
      el.style.transform = `translate(${rest(x + step / 2, step)}px, ${rest(y + step / 2, step)}px)`
    }
    follow()
    return store.subscribe(follow)
  }, [store])
  return <div aria-hidden="true" className="pointer-events-none absolute inset-0 overflow-hidden"><div ref={layer} className="absolute will-change-transform" /></div>
}

const rest = (a: number, b: number) => ((a % b) + b) % b
