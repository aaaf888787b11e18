// What both scripts share: where the server is, a browser, and signing in.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

export function settings() {
  const { FORGE_URL, FORGE_EMAIL, FORGE_PASSWORD } = process.env
  for (const [name, value] of Object.entries({ FORGE_URL, FORGE_EMAIL, FORGE_PASSWORD })) {
    if (!value) throw new Error(`${name} is not set: start forge serve, then set FORGE_URL, FORGE_EMAIL and FORGE_PASSWORD`)
  }
  return { url: FORGE_URL.replace(/\/$/, ''), email: FORGE_EMAIL, password: FORGE_PASSWORD }
}

export async function launch() {
  const path = process.env.FORGE_CHROMIUM ?? '/usr/bin/chromium'
  if (!existsSync(path)) throw new Error(`no browser at ${path}: apt-get install chromium, or set FORGE_CHROMIUM`)
  return chromium.launch({ executablePath: path, args: ['--disable-gpu', '--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])] })
}

/** watch gathers what must not happen on a page: errors, and requests to other hosts. */
export function watch(page, url) {
  const faults = []
  page.on('pageerror', (e) => faults.push(`error on ${page.url()}: ${e.message}`))
  page.on('console', (m) => { if (m.type() === 'error' && !/Failed to load resource.*status of (401|404)/.test(m.text())) faults.push(`console on ${page.url()}: ${m.text()}`) })
  page.on('request', (r) => { if (/^https?:/.test(r.url()) && new URL(r.url()).host !== new URL(url).host) faults.push(`request to another host: ${r.url()}`) })
  return faults
}

export async function signIn(page, { url, email, password }) {
  const res = await page.goto(`${url}/signin`)
  if (!res?.ok()) throw new Error(`GET ${url}/signin: ${res?.status()}`)
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'What would you like to predict?' }).waitFor()
}
