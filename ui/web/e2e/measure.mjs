// What is measured and reported, but is no test since it depends on the machine: when
// the first page is painted and what it weighs; and how long the main thread works per
// frame, and at what, while flows of 200 and 2,000 steps are moved by a real drag and zoomed.
// `npm run measure -- flows 200` measures one of them alone.
import { launch, settings, signIn } from './browser.mjs'

const at = settings()
const browser = await launch()
const [part, ...named] = process.argv.slice(2)
const sizes = named.length ? named.map(Number) : [200, 2000]
const path = [40, 6] // moves of the mouse, pixels each

async function paint(url, context) {
  const page = await context.newPage()
  const cdp = await context.newCDPSession(page)
  await cdp.send('Network.enable')
  let bytes = 0, other = 0
  cdp.on('Network.loadingFinished', (e) => { bytes += e.encodedDataLength })
  page.on('request', (r) => { if (/^https?:/.test(r.url()) && new URL(r.url()).host !== new URL(at.url).host) other++ })
  await page.goto(url)
  await page.waitForTimeout(2500)
  const lcp = await page.evaluate(() => new Promise((ok) => {
    let last = 0
    new PerformanceObserver((l) => { for (const e of l.getEntries()) last = e.startTime }).observe({ type: 'largest-contentful-paint', buffered: true })
    setTimeout(() => ok(last), 200)
  }))
  await page.close()
  return { lcp: Math.round(lcp), kB: Math.round(bytes / 1000), other }
}

/** chains is a flow of many steps that only has to be drawn. */
function chains(steps) {
  const nodes = {}, places = {}
  for (let i = 0; i < steps; i++) {
    const row = i % 10, column = Math.floor(i / 10)
    nodes[`n${i}`] = column === 0 ? { op: 'lake.table@1', title: `Read table ${row}`, config: { table: 'raw.t' } } : { op: 'recipe.apply@1', title: `Clean ${row}.${column}`, in: { table: `n${i - 10}.table` }, config: {} }
    places[`n${i}`] = { x: column * 300, y: row * 170 }
  }
  return { flow: { apiVersion: 'aiforge.dev/v1', kind: 'Pipeline', metadata: { name: 'measured' }, nodes }, layout: { nodes: places } }
}

const context = await browser.newContext({ viewport: { width: 1600, height: 900 } })
const page = await context.newPage()
await signIn(page, at)
if (part !== 'flows') {
  const cold = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  console.log('sign-in, nothing cached', JSON.stringify(await paint(`${at.url}/signin`, cold)))
  console.log('first page, scripts cached', JSON.stringify(await paint(at.url, context)))
  const state = await context.storageState()
  await context.clearCookies()
  const fresh = await browser.newContext({ viewport: { width: 1440, height: 900 }, storageState: state })
  console.log('first page, nothing cached', JSON.stringify(await paint(at.url, fresh)))
  await fresh.close()
  await signIn(page, at)
}

const ask = (method, url, content) => page.evaluate(async ([m, u, text, login]) => {
  const { access_token } = await (await fetch('/api/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(login) })).json()
  const res = await fetch(u, { method: m, headers: { Authorization: `Bearer ${access_token}`, 'Content-Type': 'application/json' }, ...(text ? { body: text } : {}) })
  return res.status
}, [method, url, content ? JSON.stringify(content) : '', { email: at.email, password: at.password }])

const cdp = await context.newCDPSession(page)
await cdp.send('Performance.enable')
const busy = await context.newCDPSession(page) // the same counted in CPU time, which other work on the machine does not lengthen
await busy.send('Performance.enable', { timeDomain: 'threadTicks' })
const mouse = (type, x, y, more) => void cdp.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', buttons: type === 'mouseReleased' ? 0 : 1, clickCount: 1, ...more }).catch(() => {})
const wait = (ms) => new Promise((ok) => setTimeout(ok, ms))

/** watched is what the main thread did per frame while something happened. */
async function watched(happen) {
  const seconds = async (from) => Object.fromEntries((await from.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]))
  await page.evaluate(() => { window.framesDrawn = 0; window.longest = 0; let last = performance.now(); window.counting = true; const count = (now) => { window.framesDrawn++; window.longest = Math.max(window.longest, now - last); last = now; if (window.counting) requestAnimationFrame(count) }; requestAnimationFrame(count) })
  const before = await seconds(cdp), cpu = await seconds(busy), began = performance.now()
  await happen()
  const after = await seconds(cdp), spent = await seconds(busy), took = (performance.now() - began) / 1000
  const [drawn, longest] = await page.evaluate(() => { window.counting = false; return [window.framesDrawn, window.longest] })
  const per = (name) => Number(((after[name] - before[name]) * 1000 / drawn).toFixed(2))
  return { msPerFrame: per('TaskDuration'), cpuMsPerFrame: Number(((spent.TaskDuration - cpu.TaskDuration) * 1000 / drawn).toFixed(2)), script: per('ScriptDuration'), style: per('RecalcStyleDuration'), layout: per('LayoutDuration'), fps: Number((drawn / took).toFixed(1)), longestMs: Math.round(longest) }
}

async function pan(box) {
  const bare = await page.evaluate(([x0, y0, w, h]) => { // a place without a step under it
    for (let y = y0 + 20; y < y0 + h - 20; y += 7) for (let x = x0 + 300; x < x0 + w - 200; x += 11) if (document.elementFromPoint(x, y)?.classList.contains('react-flow__pane')) return [x, y]
    return null
  }, [box.x, box.y, box.width, box.height])
  return watched(async () => {
    mouse('mousePressed', ...bare)
    for (let i = 0; i < 240; i++) { // input comes at its own pace: a slow page must not slow it
      const there = Math.floor(i / path[0]) % 2 ? path[0] - (i % path[0]) : i % path[0]
      mouse('mouseMoved', bare[0] - there * path[1], bare[1] + (there % 7))
      await wait(12)
    }
    mouse('mouseReleased', ...bare)
  })
}

const zoom = (box) => watched(async () => {
  for (let i = 0; i < 160; i++) {
    mouse('mouseWheel', box.x + box.width / 2, box.y + box.height / 2, { button: 'none', buttons: 0, deltaX: 0, deltaY: i % 80 < 40 ? 24 : -24 })
    await wait(16)
  }
})

const tell = async (what, found) => console.log(what, JSON.stringify({ ...found, elements: await page.evaluate(() => document.querySelectorAll('*').length), nodes: await page.locator('.react-flow__node').count() }))
for (const steps of sizes) {
  await ask('DELETE', '/api/flows/measured')
  const stored = await ask('PUT', '/api/flows/measured', chains(steps))
  if (stored >= 300) throw new Error(`a flow of ${steps} steps was not taken: ${stored}`)
  const began = performance.now()
  await page.goto(`${at.url}/flow/measured`)
  await page.locator('.react-flow__node').first().waitFor()
  console.log(`${steps} steps, first drawn after ${Math.round(performance.now() - began)} ms`)
  await page.waitForTimeout(1500)
  const box = await page.locator('.react-flow__pane').boundingBox()
  await tell(`${steps} steps, panned as a whole`, await pan(box))
  const zoomIn = page.getByRole('button', { name: 'Zoom in' })
  for (let i = 0; i < 8; i++) { await zoomIn.click(); await page.waitForTimeout(60) } // to a size at which one works
  await page.waitForTimeout(800)
  await tell(`${steps} steps, panned`, await pan(box))
  await tell(`${steps} steps, zoomed`, await zoom(box))
  await ask('DELETE', '/api/flows/measured')
}
await browser.close()
