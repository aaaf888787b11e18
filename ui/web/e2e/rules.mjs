// What every page keeps: the keyboard reaches everything and shows where it is, icons
// have words, ids and empty figures are not shown, what cannot be pressed says why.
// Then a flow built and run by keyboard alone, a reload, a phone, and errors as people read them.
import assert from 'node:assert/strict'
import { launch, settings, signIn, watch } from './browser.mjs'

const at = settings()
const browser = await launch()
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
const page = await context.newPage()
page.setDefaultTimeout(20_000)
const faults = watch(page, at.url)
const mostBytes = 300_000, mostStops = 60
const fault = (text) => { faults.push(text); console.error(text) }

async function settled() {
  await page.locator('h1').first().waitFor()
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'))
}

/** words checks what is on the page now. */
async function words(name) {
  const found = await page.evaluate(() => {
    const out = []
    const seen = (e) => e.checkVisibility({ visibilityProperty: true })
    for (const e of document.querySelectorAll('a, button')) if (seen(e) && e.querySelector('svg') && !e.innerText.trim()) out.push(`no words on ${e.outerHTML.slice(0, 90)}`)
    const id = /\b(run|job|set|sid|load|user|key|upl)_[0-9a-f]{8,}|\b[0-9a-f]{16,}\b|sha256:/.exec(document.body.innerText)
    if (id) out.push(`an id is shown: ${id[0]}`)
    for (const e of document.querySelectorAll('dd')) if (seen(e) && /^(0|0 ?%|0 ms|0 s|–|--|NaN)$/.test(e.innerText.trim())) out.push(`a figure that says nothing: ${e.parentElement.innerText.slice(0, 40)}`)
    for (const e of document.querySelectorAll('button.bg-accent:disabled')) if (seen(e) && !e.getAttribute('aria-busy') && e.parentElement.innerText.replace(e.innerText, '').trim().length < 10 && e.parentElement.parentElement.innerText.replace(e.innerText, '').trim().length < 10) out.push(`disabled without a reason: ${e.innerText}`)
    if (document.querySelector('dialog[open]')) out.push('a dialogue that nobody asked for')
    return out
  })
  found.forEach((f) => fault(`${name}: ${f}`))
}

/** stops presses Tab through the page: each stop must be seen, and everything must be a stop. */
async function stops(name) {
  await page.evaluate(() => { document.activeElement?.blur(); for (const e of document.querySelectorAll('[data-stop]')) delete e.dataset.stop
    for (const e of document.querySelectorAll('a[href], button, input, select, textarea, summary')) if (!e.disabled && e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true }) && !(e.type === 'radio' && !e.checked)) e.dataset.want = '1'
  })
  for (let i = 0; i < mostStops; i++) {
    await page.keyboard.press('Tab')
    const bad = await page.evaluate(() => {
      const e = document.activeElement
      if (!e || e === document.body || e.dataset.stop) return 'end' // round
      e.dataset.stop = '1'
      const drawn = (x) => { const s = getComputedStyle(x); return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1) || s.boxShadow.includes('0px 0px 0px 1px') || s.boxShadow.includes('0px 0px 0px 2px') }
      for (let x = e, up = 0; x && up < 5; x = x.parentElement, up++) if (drawn(x)) return ''
      return `the focus is not seen on ${e.outerHTML.slice(0, 90)}`
    })
    if (bad === 'end') break
    if (bad) fault(`${name}: ${bad}`)
  }
  const left = await page.evaluate((most) => {
    const all = [...document.querySelectorAll('[data-want]')]
    return all.length >= most - 5 ? [] : all.filter((e) => !e.dataset.stop && e.tabIndex >= 0).map((e) => e.outerHTML.slice(0, 90))
  }, mostStops)
  left.forEach((l) => fault(`${name}: the keyboard does not reach ${l}`))
}

/** tabTo presses Tab until what is wanted has the focus. */
async function tabTo(wanted) {
  for (let i = 0; i < 150; i++) {
    if (await wanted.evaluate((e) => e === document.activeElement).catch(() => false)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`the keyboard does not reach ${wanted}`)
}

/** toStep goes to the list of steps, which is one stop, and walks in it by arrows. */
async function toStep(name) {
  const steps = page.getByRole('list', { name: 'Steps' })
  await tabTo(steps.locator('button[tabindex="0"]'))
  for (const key of ['ArrowUp', 'ArrowDown', 'ArrowDown', 'ArrowDown']) {
    if (await steps.getByRole('button', { name }).evaluate((e) => e === document.activeElement)) return
    await page.keyboard.press(key)
  }
  throw new Error(`no arrow leads to ${name}`)
}

try {
  const cdp = await context.newCDPSession(page)
  await cdp.send('Network.enable')
  let bytes = 0
  cdp.on('Network.loadingFinished', (e) => { bytes += e.encodedDataLength })
  await signIn(page, at)
  await settled()
  const first = bytes
  assert.ok(bytes > 50_000 && bytes <= mostBytes, `the first page is ${bytes} bytes on the wire`)

  const lists = ['/data', '/features', '/flow', '/models', '/endpoints', '/monitoring']
  const paths = ['/', '/predict', '/data/new', '/prepare', '/sql', '/settings', '/settings?tab=keys', ...lists]
  for (const list of lists) {
    await page.goto(at.url + list)
    await settled()
    const href = await page.evaluate((l) => [...document.querySelectorAll('main a')].map((a) => a.getAttribute('href')).find((h) => h?.startsWith(`${l}/`) && h !== '/data/new'), list)
    if (href) paths.push(href)
  }
  for (const path of paths) {
    await page.goto(at.url + path)
    await settled()
    await words(path)
    await stops(path)
  }

  // A flow by keyboard alone: two steps added, set, connected, run.
  const table = await page.evaluate(async (email_password) => {
    const login = await (await fetch('/api/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(email_password) })).json()
    const headers = { Authorization: `Bearer ${login.access_token}`, 'Content-Type': 'application/json' }
    await fetch('/api/flows/by_keyboard', { method: 'DELETE', headers })
    await fetch('/api/flows/by_keyboard', { method: 'PUT', headers, body: JSON.stringify({ flow: { apiVersion: 'aiforge.dev/v1', kind: 'Pipeline', metadata: { name: 'by_keyboard' }, nodes: {} } }) })
    return (await (await fetch('/api/tables', { headers })).json()).tables.find((x) => x.name.startsWith('raw.')).name
  }, { email: at.email, password: at.password })
  await page.goto(`${at.url}/flow/by_keyboard`)
  await tabTo(page.getByRole('button', { name: 'Add the first step' }))
  await page.keyboard.press('Enter')
  await page.keyboard.type('read a table')
  await page.keyboard.press('Enter')
  await page.getByRole('list', { name: 'Steps' }).getByRole('button').first().waitFor()
  await page.keyboard.press('n')
  await page.keyboard.type('clean')
  await page.keyboard.press('Enter')
  await toStep(/^Read a table/)
  await page.keyboard.press('Enter') // into its settings
  await tabTo(page.getByRole('complementary').getByLabel(/^Table/))
  await page.keyboard.type('raw.nothing_here')
  await tabTo(page.getByRole('complementary').getByRole('button', { name: 'Connect to…' }))
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByRole('button', { name: /^Give to/ }).first().waitFor()
  await page.keyboard.press('Enter')
  await page.getByText('gives to Clean and mask').waitFor()
  await page.keyboard.press('Control+Enter')

  // It fails, since there is no such table: the error names it and is for people.
  const stopped = page.getByText('The last run stopped:').locator('..')
  await stopped.waitFor()
  const error = await stopped.innerText()
  assert.match(error, /raw\.nothing_here/)
  assert.doesNotMatch(error, /panic|nil|\.go:|0x|internal|sql:|EOF|<|\{/)
  await toStep(/^Read a table/)
  await page.keyboard.press('Enter')
  await tabTo(page.getByRole('complementary').getByLabel(/^Table/))
  await page.keyboard.press('Control+A')
  await page.keyboard.type(table)
  await page.keyboard.press('Escape')
  await tabTo(page.getByRole('button', { name: 'Run', exact: true }))
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => [...document.querySelectorAll('[aria-label="Steps"] li')].filter((l) => /Done/.test(l.innerText)).length === 2, null, { timeout: 60_000 })

  // A reload shows the states at once, without a run.
  await page.reload()
  await page.waitForFunction(() => [...document.querySelectorAll('[aria-label="Steps"] li')].filter((l) => /Done/.test(l.innerText)).length === 2)

  // On a phone a flow is its list of steps, not a cut canvas.
  await page.setViewportSize({ width: 390, height: 844 })
  await page.getByRole('list', { name: 'Steps' }).waitFor()
  assert.equal(await page.locator('.react-flow').isVisible(), false)
  await page.setViewportSize({ width: 1440, height: 900 })

  // SQL: an error names the column; the last rows are there again after a reload.
  await page.goto(`${at.url}/sql`)
  const editor = page.getByRole('textbox', { name: 'SQL cell 1' })
  const write = async (text) => { await editor.click(); await page.keyboard.press('Control+A'); await page.keyboard.type(text); await page.keyboard.press('Control+Enter') }
  await write(`select no_such_column from ${table} limit 3`)
  assert.match(await page.getByRole('alert').innerText(), /no_such_column/)
  await write(`select * from ${table} limit 3`)
  await page.getByRole('table', { name: 'Result of cell 1' }).waitFor()
  await page.reload()
  await page.getByText(/as of/).waitFor()

  // A file that is no table.
  await page.goto(`${at.url}/predict`)
  await page.getByTestId('file').setInputFiles({ name: 'empty.csv', mimeType: 'text/csv', buffer: Buffer.from('') })
  const wrong = await page.getByRole('alert').innerText()
  assert.doesNotMatch(wrong, /panic|nil|\.go:|0x|Internal|EOF/)
  assert.match(wrong, /empty/i)

  assert.deepEqual(faults.filter((f) => !/status of 4(22|00|04)/.test(f)), [])
  console.log(`the rules hold on ${paths.length} pages; the first one is ${Math.round(first / 1000)} kB on the wire`)
} catch (err) {
  if (process.env.FORGE_E2E_PICTURE) await page.screenshot({ path: process.env.FORGE_E2E_PICTURE, fullPage: true })
  console.error(`at ${page.url()}`)
  throw err
} finally {
  await browser.close()
}
