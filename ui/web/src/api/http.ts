// One way to the server: the access token lives in memory only, the refresh token in
// a cookie that scripts cannot read. A 401 is answered by one refresh; all requests
// that meet it at the same time wait for the same one.
import { Problem, problemOf } from './problem'
import type { paths } from './schema.gen'

let token = ''
let refreshing: Promise<boolean> | null = null
let onSignedOut = () => {}

export function setToken(next: string): void { token = next }
export function hasToken(): boolean { return token !== '' }
export function whenSignedOut(f: () => void): void { onSignedOut = f }

/** refresh asks for a new access token by cookie; false means: sign in. */
export function refresh(): Promise<boolean> {
  refreshing ??= (async () => {
    try {
      const res = await fetch('/api/auth/refresh', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}', credentials: 'same-origin' })
      token = res.ok ? ((await res.json()) as { access_token: string }).access_token : ''
      return res.ok
    } catch (err) {
      token = ''
      throw err
    } finally {
      refreshing = null
    }
  })()
  return refreshing
}

export interface Call {
  query?: Record<string, string | number | boolean | undefined>
  body?: unknown
  raw?: Blob
  accept?: string
  signal?: AbortSignal
}

/** send returns the answer of a success and throws a Problem otherwise. */
export async function send(method: string, path: string, call: Call = {}): Promise<Response> {
  let res = await once(method, path, call)
  if (res.status === 401) {
    if (await refresh()) res = await once(method, path, call)
    if (res.status === 401) {
      token = ''
      onSignedOut()
    }
  }
  if (!res.ok) throw await problemOf(res)
  return res
}

function once(method: string, path: string, call: Call): Promise<Response> {
  const headers: Record<string, string> = { Accept: call.accept ?? 'application/json' }
  if (token) headers.Authorization = `Bearer ${token}`
  if (call.raw) headers['Content-Type'] = 'application/octet-stream'
  else if (call.body !== undefined) headers['Content-Type'] = 'application/json'
  const body = call.raw ?? (call.body === undefined ? undefined : JSON.stringify(call.body))
  return fetch(address(path, call.query), { method, headers, body, signal: call.signal, credentials: 'same-origin' })
}

function address(path: string, query: Call['query']): string {
  const q = new URLSearchParams()
  for (const [k, v] of Object.entries(query ?? {})) if (v !== undefined && v !== '') q.set(k, String(v))
  const s = q.toString()
  return s ? `${path}?${s}` : path
}

async function json<T>(method: string, path: string, call?: Call): Promise<T> {
  const res = await send(method, path, call)
  if (res.status === 204) return undefined as T
  const text = await res.text()
  if (!text) return undefined as T
  try {
    return JSON.parse(text) as T
  } catch {
    throw new Problem(res.status, 'internal', `${method} ${path}: the answer is not JSON`)
  }
}

/** Concrete is a path of the API with its parameters filled in. */
type Concrete<P> = P extends `${infer A}{${string}}${infer B}` ? `${A}${string}${Concrete<B>}` : P
/** PathOf lists the paths that know a method: an address that the server lacks does not compile. */
type PathOf<M extends string> = { [P in keyof paths]: paths[P] extends { [K in M]?: infer O } ? (O extends object ? Concrete<P> : never) : never }[keyof paths]

export const get = <T>(path: PathOf<'get'>, query?: Call['query'], signal?: AbortSignal) => json<T>('GET', path, { query, signal })
export const post = <T>(path: PathOf<'post'>, body: unknown = {}, signal?: AbortSignal) => json<T>('POST', path, { body, signal })
export const put = <T>(path: PathOf<'put'>, body: unknown) => json<T>('PUT', path, { body })
export const del = <T = void>(path: PathOf<'delete'>) => json<T>('DELETE', path)
export const patchBytes = <T>(path: PathOf<'patch'>, query: Call['query'], raw: Blob, signal?: AbortSignal) => json<T>('PATCH', path, { query, raw, signal })
export const seg = encodeURIComponent

export type ReadPath = PathOf<'get'>
