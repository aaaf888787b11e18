// Whether a machine gets the moving background. It needs a real graphics card: drawn
// in software it takes the whole main thread. The still picture is the default.
export interface Machine { reducedMotion: boolean; saveData: boolean; cores: number; narrow: boolean; renderer: string | null }
export type Refusal = 'reduced-motion' | 'save-data' | 'few-cores' | 'narrow' | 'no-webgl' | 'software'

/** refusal is why the background stays still; null where it may move. */
export function refusal(m: Machine): Refusal | null {
  if (m.reducedMotion) return 'reduced-motion'
  if (m.saveData) return 'save-data'
  if (m.cores < 4) return 'few-cores'
  if (m.narrow) return 'narrow'
  if (!m.renderer) return 'no-webgl'
  if (/swiftshader|llvmpipe|software|basic render|mesa offscreen/i.test(m.renderer)) return 'software'
  return null
}

/** machine looks at this one; the renderer is only asked for when all else allows it. */
export function machine(): Machine {
  const connection = (navigator as { connection?: { saveData?: boolean } }).connection
  const m: Machine = {
    reducedMotion: matchMedia('(prefers-reduced-motion: reduce)').matches,
    saveData: connection?.saveData === true,
    cores: navigator.hardwareConcurrency || 1,
    narrow: innerWidth < 768,
    renderer: 'not asked',
  }
  return refusal(m) === null ? { ...m, renderer: renderer() } : m
}

function renderer(): string | null {
  // failIfMajorPerformanceCaveat lets software renderers through; their name does not.
  const gl = document.createElement('canvas').getContext('webgl')
  if (!gl) return null
  const info = gl.getExtension('WEBGL_debug_renderer_info')
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER))
  gl.getExtension('WEBGL_lose_context')?.loseContext()
  return name
}

/** tooSlow judges the first frames: more than 24 ms on average is no background but a burden. */
export const tooSlow = (frames: number[]) => frames.reduce((a, b) => a + b, 0) / Math.max(frames.length, 1) > 24
