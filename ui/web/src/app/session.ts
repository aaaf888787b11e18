// Who is signed in: signing in and out, and what the role allows.
import { useQuery } from '@tanstack/react-query'
import { hasToken, post, refresh, setToken } from '../api/http'
import { meQuery } from '../api/queries'
import { forgetOutputs } from '../sql/outputs'
import { client } from './client'

export async function signIn(email: string, password: string): Promise<void> {
  const got = await post<{ access_token: string }>('/api/auth/login', { email, password })
  setToken(got.access_token)
  client.clear()
}

/** switchProject goes on in another project of the same person; nothing of the one before stays on the screen. */
export async function switchProject(to: string): Promise<void> {
  const got = await post<{ access_token: string }>('/api/auth/switch', { to })
  setToken(got.access_token)
  client.clear()
}

export async function signOut(): Promise<void> {
  await post('/api/auth/logout').catch(() => {}) // the cookie may have ended already
  setToken('')
  forgetOutputs()
  client.clear()
}

/** signedIn tries the cookie of an earlier visit once. */
export async function signedIn(): Promise<boolean> {
  return hasToken() || refresh()
}

export function useMay(permission: 'read' | 'write' | 'predict' | 'admin'): boolean {
  const me = useQuery(meQuery).data
  if (!me) return false
  if (me.permissions) return me.permissions.includes(permission)
  if (me.role === 'owner') return true
  return permission === 'read' || permission === 'predict' ? me.role !== 'predict' || permission === 'predict' : permission === 'write' && me.role === 'editor'
}
