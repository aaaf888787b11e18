// Pictures of every page, at three sizes and in both themes, as WebP into docs/images/studio.
// The server should hold the demo of the bank's calls and the example of the tumours.
// The middle size and the phone in the dark are for looking at; the documents keep the rest.
//   npm run pictures [-- OUT [PAGE,PAGE…] [SIZE] [THEME]]
import { mkdirSync, writeFileSync } from 'node:fs'
import { launch, settings, signIn } from './browser.mjs'

const at = settings()
const [out = new URL('../../../docs/images/studio', import.meta.url).pathname, only, onlySize, onlyTheme] = process.argv.slice(2)
const sizes = { wide: [1440, 900], middle: [1024, 768], phone: [390, 844] }
const pages = {
  home: '/', predict: '/predict', 'predict-question': '/predict?table=raw.tumours', 'predict-result': '/predict/tumours',
  data: '/data', table: '/data/raw.calls', profile: '/data/raw.calls?tab=profile', history: '/data/raw.calls?tab=snapshots', upload: '/data/new',
  prepare: '/prepare', recipe: '/prepare?table=raw.calls', features: '/features', view: '/features/call_profile',
  flows: '/flow', flow: '/flow/tumours', models: '/models', model: '/models/calls', endpoints: '/endpoints', endpoint: '/endpoints/calls',
  monitoring: '/monitoring', monitor: '/monitoring/calls', sql: '/sql', settings: '/settings', keys: '/settings?tab=keys', audit: '/settings?tab=audit',
}
mkdirSync(out, { recursive: true })
const browser = await launch()
let total = 0

async function picture(page, name) {
  const cdp = await page.context().newCDPSession(page)
  const { data } = await cdp.send('Page.captureScreenshot', { format: 'webp', quality: 55 })
  await cdp.detach()
  const bytes = Buffer.from(data, 'base64')
  total += bytes.length
  writeFileSync(`${out}/${name}.webp`, bytes)
}

/** settled waits until nothing is loading, and a little for what fades in. */
async function settled(page) {
  await page.locator('h1').first().waitFor()
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"], .animate-pulse'), null, { timeout: 30_000 })
  await page.waitForTimeout(500)
}

for (const [size, [width, height]] of Object.entries(sizes)) {
  for (const colorScheme of ['light', 'dark']) {
    if ((onlySize && onlySize !== size) || (onlyTheme && onlyTheme !== colorScheme)) continue
    const context = await browser.newContext({ viewport: { width, height }, colorScheme })
    const page = await context.newPage()
    page.setDefaultTimeout(30_000)
    await page.goto(`${at.url}/signin`)
    await settled(page)
    if (!only) await picture(page, `signin-${size}-${colorScheme}`)
    await signIn(page, at)
    for (const [name, path] of Object.entries(pages)) {
      if (only && only !== '-' && !only.split(',').includes(name)) continue
      await page.goto(at.url + path)
      await settled(page)
      await picture(page, `${name}-${size}-${colorScheme}`)
    }
    await context.close()
  }
}
await browser.close()
console.log(`${(total / 1e6).toFixed(2)} MB in ${out}`)
