// What is measured and reported, but is no test since it depends on the machine: when
// the first page is painted and what it weighs; and how long the main thread works per
// frame while a flow of 200 steps is moved by a real drag.
import { launch, settings, signIn } from './browser.mjs'

const at = settings()
const browser = await launch()
const steps = 200, path = [40, 6] // moves of the mouse, pixels each

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
function chains() {
  const nodes = {}, places = {}
  for (let i = 0; i < steps; i++) {
    const row = i % 10, column = Math.floor(i / 10)
    nodes[`n${i}`] = column === 0 ? { op: 'lake.table@1', title: `Read table ${row}`, config: { table: 'raw.t' } } : { op: 'recipe.apply@1', title: `Clean ${row}.${column}`, in: { table: `n${i - 10}.table` }, config: {} }
    places[`n${i}`] = { x: column * 300, y: row * 170 }
  }
  return { flow: { apiVersion: 'aiforge.dev/v1', kind: 'Pipeline', metadata: { name: 'measured' }, nodes }, layout: { nodes: places } }
}

const cold = await browser.newContext({ viewport: { width: 1440, height: 900 } })
console.log('sign-in, nothing cached', JSON.stringify(await paint(`${at.url}/signin`, cold)))
const context = await browser.newContext({ viewport: { width: 1600, height: 900 } })
const page = await context.newPage()
await signIn(page, at)
console.log('first page, scripts cached', JSON.stringify(await paint(at.url, context)))
const state = await context.storageState()
await context.clearCookies()
const fresh = await browser.newContext({ viewport: { width: 1440, height: 900 }, storageState: state })
console.log('first page, nothing cached', JSON.stringify(await paint(at.url, fresh)))
await fresh.close()

await signIn(page, at)
const ask = (method, url, content) => page.evaluate(async ([m, u, text, login]) => {
  const { access_token } = await (await fetch('/api/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(login) })).json()
  const res = await fetch(u, { method: m, headers: { Authorization: `Bearer ${access_token}`, 'Content-Type': 'application/json' }, ...(text ? { body: text } : {}) })
  return res.status
}, [method, url, content ? JSON.stringify(content) : '', { email: at.email, password: at.password }])
await ask('DELETE', '/api/flows/measured')
await ask('PUT', '/api/flows/measured', chains())
await page.goto(`${at.url}/flow/measured`)
await page.locator('.react-flow__node').first().waitFor()
const zoomIn = page.getByRole('button', { name: 'Zoom in' })
for (let i = 0; i < 8; i++) await zoomIn.click() // to a size at which one works
await page.waitForTimeout(800)
const box = await page.locator('.react-flow__pane').boundingBox()
const bare = await page.evaluate(([x0, y0, w, h]) => { // a place without a step under it
  for (let y = y0 + 20; y < y0 + h - 20; y += 7) for (let x = x0 + 300; x < x0 + w - 200; x += 11) if (document.elementFromPoint(x, y)?.classList.contains('react-flow__pane')) return [x, y]
  return null
}, [box.x, box.y, box.width, box.height])
const cdp = await context.newCDPSession(page)
await cdp.send('Performance.enable')
const seconds = async () => Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]))
const mouse = (type, x, y) => void cdp.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', buttons: type === 'mouseReleased' ? 0 : 1, clickCount: 1 }).catch(() => {})
await page.evaluate(() => { window.framesDrawn = 0; const count = () => { window.framesDrawn++; requestAnimationFrame(count) }; requestAnimationFrame(count) })
const before = await seconds(), frames = await page.evaluate(() => window.framesDrawn), began = performance.now()
mouse('mousePressed', ...bare)
for (let i = 0; i < 240; i++) { // input comes at its own pace: a slow page must not slow it
  const there = Math.floor(i / path[0]) % 2 ? path[0] - (i % path[0]) : i % path[0]
  mouse('mouseMoved', bare[0] - there * path[1], bare[1] + (there % 7))
  await new Promise((ok) => setTimeout(ok, 12))
}
mouse('mouseReleased', ...bare)
const after = await seconds(), drawn = (await page.evaluate(() => window.framesDrawn)) - frames
console.log(`${steps} steps, panned`, JSON.stringify({ msPerFrame: Number(((after.TaskDuration - before.TaskDuration) * 1000 / drawn).toFixed(2)), fps: Number((drawn / ((performance.now() - began) / 1000)).toFixed(1)), elements: await page.evaluate(() => document.querySelectorAll('*').length), nodes: await page.locator('.react-flow__node').count() }))
await ask('DELETE', '/api/flows/measured')
await browser.close()
