// The Content-Security-Policy, on: no page needs what it forbids, and a script that
// somebody smuggles into a page does not run.
import { launch, settings, signIn } from './browser.mjs'

const at = settings()
const browser = await launch()
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
await context.addInitScript(() => {
  window.refused = []
  document.addEventListener('securitypolicyviolation', (e) => window.refused.push(`${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile ?? ''}`))
})
const page = await context.newPage()
const faults = []
const look = async (name) => {
  await page.locator('h1').first().waitFor()
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'), null, { timeout: 20_000 })
  for (const v of await page.evaluate(() => window.refused)) faults.push(`${name}: ${v}`)
}

const res = await page.goto(`${at.url}/signin`)
if (!/default-src 'self'/.test(res.headers()['content-security-policy'] ?? '')) faults.push('the page comes without its policy')
await signIn(page, at)
const paths = ['/', '/predict', '/data', '/data/new', '/prepare', '/features', '/flow', '/models', '/endpoints', '/monitoring', '/sql', '/settings', '/settings?tab=keys', '/settings?tab=audit', '/nothing/here']
for (const list of ['/data', '/features', '/flow', '/models', '/endpoints', '/monitoring']) {
  await page.goto(at.url + list)
  await look(list)
  const href = await page.evaluate((l) => [...document.querySelectorAll('main a')].map((a) => a.getAttribute('href')).find((h) => h?.startsWith(`${l}/`)), list)
  if (href) paths.push(href)
}
for (const path of paths) {
  await page.goto(at.url + path)
  await look(path)
}

await page.evaluate(() => {
  const script = document.createElement('script')
  script.textContent = 'window.hacked = "an inline script"'
  const image = document.createElement('img')
  image.setAttribute('onerror', 'window.hacked = "an attribute"')
  image.src = 'data:image/png,no'
  const link = document.createElement('a')
  link.href = 'javascript:window.hacked = "an address"'
  const foreign = document.createElement('script')
  foreign.src = 'https://evil.example/x.js'
  document.body.append(script, image, link, foreign)
  link.click()
})
await page.waitForFunction(() => window.refused.length >= 4, null, { timeout: 10_000 }).catch(() => faults.push('what was smuggled in was not refused'))
const hacked = await page.evaluate(() => window.hacked)
if (hacked) faults.push(`${hacked} ran`)

await browser.close()
faults.forEach((f) => console.error(f))
if (faults.length) process.exit(1)
console.log(`no page of ${paths.length} asks for what its policy forbids, and nothing smuggled in runs`)
