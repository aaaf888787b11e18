// The picture behind the sign-in card: a gradient, and on machines that carry it
// easily a slow net of lines, which can be paused.
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { isDark } from '../app/theme'
import { Icon } from '../design/icon'
import { t } from '../i18n'
import { machine, refusal, tooSlow } from './gate'

interface Effect { destroy(): void }
type Make = (options: Record<string, unknown>) => Effect

async function start(el: HTMLElement): Promise<Effect> {
  const three = await import('three')
  const net = (await import('vanta/dist/vanta.net.min')) as { default: { default?: Make } & Make }
  const make = net.default.default ?? net.default // the bundle is UMD: which one depends on the bundler
  const dark = isDark()
  return make({ el, THREE: three, mouseControls: false, touchControls: false, gyroControls: false, color: dark ? 0xf08a4b : 0xb8400f, backgroundColor: dark ? 0x14110f : 0xfaf8f5, points: 8, maxDistance: 22, spacing: 18, showDots: false })
}

export function Backdrop({ children }: { children: ReactNode }) {
  const ground = useRef<HTMLDivElement>(null)
  const effect = useRef<Effect | null>(null)
  const [moving, setMoving] = useState(false)
  const [paused, setPaused] = useState(false)

  useEffect(() => {
    if (paused || refusal(machine()) !== null) return
    let gone = false
    const stop = () => {
      effect.current?.destroy()
      effect.current = null
      if (!gone) setMoving(false)
    }
    const begin = async () => {
      if (gone || document.hidden || effect.current || !ground.current) return
      const made = await start(ground.current).catch(() => null) // a missing picture is no reason to fail
      if (gone || !made) return made?.destroy()
      effect.current = made
      setMoving(true)
      watch(() => stop())
    }
    const hidden = () => (document.hidden ? stop() : void begin())
    const idle = 'requestIdleCallback' in window ? requestIdleCallback(() => void begin(), { timeout: 3000 }) : 0
    document.addEventListener('visibilitychange', hidden)
    return () => {
      gone = true
      if (idle) cancelIdleCallback(idle)
      document.removeEventListener('visibilitychange', hidden)
      stop()
    }
  }, [paused])

  return (
    <div className="relative isolate grid min-h-dvh place-items-center overflow-hidden px-4 py-10" style={{ background: 'radial-gradient(60rem 40rem at 12% -10%, color-mix(in oklab, var(--accent) 22%, transparent), transparent 70%), radial-gradient(50rem 40rem at 105% 110%, color-mix(in oklab, var(--c-ref) 26%, transparent), transparent 70%), var(--bg)' }}>
      <div ref={ground} aria-hidden="true" className="absolute inset-0 -z-10 opacity-70" />
      {children}
      {(moving || paused) && (
        <button type="button" onClick={() => setPaused(!paused)} className="absolute right-4 bottom-4 inline-flex min-h-9 items-center gap-2 rounded-lg bg-surface px-3 text-[13px] text-ink-2 shadow-card">
          <Icon name={paused ? 'play' : 'pause'} size={16} />{paused ? t('signin.move') : t('signin.pause')}
        </button>
      )}
    </div>
  )
}

function watch(slow: () => void) {
  const frames: number[] = []
  let last = performance.now()
  const tick = (now: number) => {
    frames.push(now - last)
    last = now
    if (frames.length < 60) requestAnimationFrame(tick)
    else if (tooSlow(frames)) slow()
  }
  requestAnimationFrame(tick)
}
