// The path of a newcomer: sign in, drop a CSV, draft a flow, join two steps with the
// keyboard alone, run it, and ask the endpoint that it made.
import assert from 'node:assert/strict'
import { launch, settings, signIn, watch } from './browser.mjs'

const at = settings()
const wait = Number(process.env.FORGE_E2E_WAIT ?? 240) * 1000
const name = `visits_${Date.now().toString(36)}`
const rows = 900

/** csv is a table whose answer can be learned: younger people on the basic plan leave. */
function csv() {
  let seed = 11
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648
  const lines = ['visit_id,seen,age,plan,spend,left']
  for (let i = 0; i < rows; i++) {
    const age = 18 + Math.floor(random() * 60), plan = ['basic', 'plus', 'pro'][Math.floor(random() * 3)], spend = (random() * 200).toFixed(2)
    const seen = new Date(Date.UTC(2024, 0, 1) + i * 6 * 3_600_000).toISOString().slice(0, 10)
    const left = random() < (plan === 'basic' ? 0.55 : 0.15) + (age < 35 ? 0.25 : 0) ? 'yes' : 'no'
    lines.push([i + 1, seen, age, plan, spend, left].join(','))
  }
  return `${lines.join('\n')}\n`
}

const browser = await launch()
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
page.setDefaultTimeout(20_000)
const faults = watch(page, at.url)
const step = (text) => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`)

/** orProblem waits for what should come, and fails at once with the text of a problem that came instead. */
async function orProblem(wanted, timeout = 20_000) {
  const problem = page.getByRole('alert').first()
  await wanted.or(problem).first().waitFor({ timeout })
  if (await problem.isVisible()) throw new Error(await problem.innerText())
}

try {
  step('sign in')
  await signIn(page, at)

  step('drop a CSV')
  await page.goto(`${at.url}/data/new`)
  const dropped = await page.evaluateHandle(([file, text]) => {
    const data = new DataTransfer()
    data.items.add(new File([text], file, { type: 'text/csv' }))
    return data
  }, [`${name}.csv`, csv()])
  await page.getByText('Drop a CSV file here').locator('..').dispatchEvent('drop', { dataTransfer: dropped })
  await page.getByRole('button', { name: 'Take it in' }).click()
  await orProblem(page.getByRole('heading', { name: `raw.${name} is ready` }), wait)
  assert.match(await page.locator('main').innerText(), /Rows\s+900/)

  step('the rows are there')
  await page.getByRole('link', { name: 'Open table' }).click()
  await page.getByRole('table', { name: `Rows of raw.${name}` }).getByText('basic').first().waitFor()

  step('draft a flow')
  await page.goto(`${at.url}/flow`)
  await page.getByRole('button', { name: 'New flow' }).first().click()
  await page.getByLabel('Table').selectOption(`raw.${name}`)
  await page.getByLabel('Column to predict').selectOption('left')
  await page.getByRole('button', { name: 'Draft the steps' }).click()
  const outline = page.getByRole('list', { name: 'Steps' })
  await outline.waitFor()
  const steps = await outline.getByRole('listitem').count()
  assert.ok(steps >= 4, `${steps} steps`)

  step('join two steps without a mouse')
  const train = outline.getByRole('button', { name: /^Train/ })
  await train.focus()
  await page.getByRole('complementary').getByRole('button', { name: 'Remove', exact: true }).first().press('Enter')
  await page.getByText('is not connected').first().waitFor()
  await train.focus()
  await page.keyboard.press('c')
  await page.getByRole('dialog').getByRole('button', { name: /^(Take from|Give to)/ }).first().waitFor()
  await page.keyboard.press('Enter') // the first offer has the focus
  await page.getByText('is not connected').first().waitFor({ state: 'detached' })
  const budget = page.getByLabel(/budget|time (to|for the) search/i)
  if (await budget.count()) await budget.first().fill('15s')

  step('run it')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await orProblem(page.getByRole('button', { name: 'Running…' }))
  await page.getByRole('button', { name: 'Run', exact: true }).waitFor({ timeout: wait })
  const stopped = page.getByText('The last run stopped:')
  if (await stopped.count()) throw new Error(await stopped.locator('..').innerText())
  assert.equal(await outline.getByText(/^Done/).count(), steps)

  step('ask for a prediction')
  await page.goto(`${at.url}/endpoints`)
  await page.locator(`main a[href="/endpoints/${name}"]`).click()
  const byValues = page.getByRole('tab', { name: 'By values' })
  await byValues.click()
  for (const [label, value] of [['age', '22'], ['plan', 'basic'], ['spend', '40']]) {
    const field = page.getByLabel(label, { exact: true })
    if (await field.count()) await field.fill(value)
  }
  await page.getByRole('button', { name: 'Predict' }).click()
  const answer = await page.getByTestId('prediction').innerText()
  assert.match(answer, /\b(yes|no)\b/)
  assert.match(answer, /\d+(\.\d+)?%/)
  assert.deepEqual(faults, [])
  step(`the loop holds: ${answer.split('\n').slice(0, 2).join(' ')}`)
} catch (err) {
  const picture = process.env.FORGE_E2E_PICTURE
  if (picture) await page.screenshot({ path: picture, fullPage: true })
  console.error(`at ${page.url()}\n${faults.join('\n')}`)
  throw err
} finally {
  await browser.close()
}
