// Every page, in both themes and at both sizes: axe-core finds nothing, nothing is
// wider than the screen, nothing fails, nothing is asked of another host.
import { createRequire } from 'node:module'
import { launch, settings, signIn, watch } from './browser.mjs'

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const at = settings()
const browser = await launch()
const [onlySize, onlyTheme] = process.argv.slice(2) // npm run axe -- wide dark
const faults = []
const fault = (text) => { faults.push(text); console.error(text) }

async function check(page, name) {
  await page.addScriptTag({ path: axe })
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
  for (const v of found.violations) fault(`${name}: ${v.id} (${v.impact}): ${v.nodes.length} × ${v.nodes[0].target.join(' ')}\n    ${v.nodes[0].failureSummary?.split('\n').slice(1, 3).join(' ')}`)
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  if (over > 0) fault(`${name}: ${over} px wider than the screen`)
}

/** settled waits until nothing on the page says that it is still loading. */
async function settled(page) {
  await page.locator('h1').first().waitFor()
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'), null, { timeout: 20_000 })
  await page.waitForTimeout(250) // what fades in has its colour by then
}

/** pagesOf reads the first address of each kind of detail page from its list. */
async function pagesOf(page) {
  const fixed = ['/', '/predict', '/data', '/data/new', '/prepare', '/features', '/flow', '/models', '/endpoints', '/monitoring', '/sql', '/settings', '/settings?tab=keys', '/settings?tab=audit', '/settings?tab=about', '/nothing/here']
  const found = []
  for (const list of ['/data', '/features', '/flow', '/models', '/endpoints', '/monitoring']) {
    await page.goto(at.url + list)
    await settled(page)
    const href = await page.evaluate((l) => [...document.querySelectorAll('main a')].map((a) => a.getAttribute('href')).find((h) => h?.startsWith(`${l}/`) && h !== '/data/new'), list)
    if (href) found.push(href)
    if (list === '/data' && href) found.push(...['schema', 'profile', 'snapshots', 'rejects'].map((tab) => `${href}?tab=${tab}`), `/prepare?table=${href.slice(6)}`, `/predict?table=${href.slice(6)}`)
    if (list === '/flow' && href) found.push(href.replace('/flow', '/predict'))
  }
  return [...fixed, ...found]
}

for (const [size, viewport] of Object.entries({ wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } })) {
  for (const colorScheme of ['light', 'dark']) {
    if ((onlySize && onlySize !== size) || (onlyTheme && onlyTheme !== colorScheme)) continue
    const context = await browser.newContext({ viewport, colorScheme, bypassCSP: true })
    const page = await context.newPage()
    const seen = watch(page, at.url)
    await page.goto(`${at.url}/signin`)
    await settled(page)
    await check(page, `/signin ${size} ${colorScheme}`)
    await signIn(page, at)
    for (const path of await pagesOf(page)) {
      await page.goto(at.url + path)
      await settled(page)
      await check(page, `${path} ${size} ${colorScheme}`)
    }
    seen.forEach(fault)
    await context.close()
  }
}
await browser.close()
if (faults.length) process.exit(1)
console.log('every page is clean')
