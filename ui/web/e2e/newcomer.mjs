// A newcomer with a file of their own: from the first screen to the first own
// prediction, counting what their hand does. A click is a press of the mouse or of
// Enter; a drop counts as one. Typing the address and the password counts as none.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { launch, settings, watch } from './browser.mjs'

const most = { clicks: 12, seconds: Number(process.env.FORGE_E2E_SECONDS ?? 120) }
const at = settings()
const browser = await launch()
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
page.setDefaultTimeout(60_000)
const faults = watch(page, at.url)
let clicks = 0
const click = async (what) => { clicks++; await what.click() }

/** text waits for what should come, and fails at once with the text of a problem that came instead. */
async function come(wanted) {
  const problem = page.getByRole('alert').first()
  await wanted.or(problem).first().waitFor()
  if (await problem.isVisible()) throw new Error(await problem.innerText())
}

try {
  const began = performance.now()
  await page.goto(at.url)
  assert.equal(await page.getByRole('dialog').count(), 0, 'a dialogue stands before the first screen')
  await page.getByLabel('Email').fill(at.email)
  await page.getByLabel('Password').fill(at.password)
  await click(page.getByRole('button', { name: 'Sign in' }))
  await page.getByRole('heading', { name: 'What would you like to predict?' }).waitFor()
  assert.equal(await page.getByRole('dialog').count(), 0, 'a dialogue stands before the first screen')

  const csv = readFileSync(new URL('../public/examples/tumours.csv', import.meta.url), 'utf8')
  const dropped = await page.evaluateHandle(([name, text]) => {
    const data = new DataTransfer()
    data.items.add(new File([text], name, { type: 'text/csv' }))
    return data
  }, [`my tumours ${Date.now().toString(36)}.csv`, csv])
  clicks++
  await page.getByRole('button', { name: /Your own CSV file/ }).dispatchEvent('drop', { dataTransfer: dropped })

  const column = page.getByRole('radio', { name: 'diagnosis' })
  await come(column)
  assert.ok(await column.isChecked(), 'the column with the answer is not suggested')
  clicks += 2 // opening the list and choosing from it
  await page.getByLabel('How long may it look for a good model?').selectOption('10s')
  await click(page.getByRole('button', { name: 'Build it' }))
  await come(page.getByText(/Right in [\d.]+ of 100 cases/))
  const good = Number(/Right in ([\d.]+)/.exec(await page.locator('main').innerText())[1])
  assert.ok(good > 90, `right in ${good} of 100`)
  await page.getByText(/this one was/).waitFor()
  await page.getByText(/this one was/).waitFor()
  const truth = /this one was (\w+)/.exec(await page.locator('main').innerText())?.[1]
  await click(page.getByRole('button', { name: 'Predict', exact: true }))
  await come(page.getByTestId('prediction'))
  const answer = await page.getByTestId('prediction').innerText()
  const seconds = (performance.now() - began) / 1000
  assert.ok(answer.includes(truth), `the table says ${truth}, the model ${answer}`)
  assert.ok(clicks <= most.clicks, `${clicks} clicks`)
  assert.ok(seconds <= most.seconds, `${seconds.toFixed(0)} s`)

  // What was made is an ordinary flow that opens on the canvas, and a reload shows the result at once.
  const result = page.url()
  await page.getByRole('link', { name: 'Open as a flow' }).click()
  await page.getByRole('list', { name: 'Steps' }).getByText(/^Done/).first().waitFor()
  assert.equal(await page.locator('.react-flow__node').count(), 5)
  await page.goto(result)
  await page.getByText(/Right in [\d.]+ of 100 cases/).waitFor()
  assert.deepEqual(faults, [])
  console.log(`a first own prediction in ${clicks} clicks and ${seconds.toFixed(0)} s (at most ${most.clicks} and ${most.seconds})`)
} catch (err) {
  if (process.env.FORGE_E2E_PICTURE) await page.screenshot({ path: process.env.FORGE_E2E_PICTURE, fullPage: true })
  console.error(`at ${page.url()} after ${clicks} clicks\n${faults.join('\n')}`)
  throw err
} finally {
  await browser.close()
}
