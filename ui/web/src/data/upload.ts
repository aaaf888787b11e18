// Upload in parts: the server says where it stands, so a broken part is sent again
// from there and nothing twice.
import { del, get, patchBytes, post } from '../api/http'
import { Problem } from '../api/problem'
import type { Upload } from '../api/types'

export async function upload(file: File, seen: (bytes: number) => void, signal: AbortSignal): Promise<string> {
  const made = await post<Upload>('/api/uploads', { name: file.name, size: file.size }, signal)
  const part = made.part_size || 4 << 20
  let offset = made.offset ?? 0
  let fails = 0
  try {
    while (offset < file.size) {
      try {
        const at = await patchBytes<Upload>(`/api/uploads/${made.id}`, { offset }, file.slice(offset, offset + part), signal)
        offset = at.offset
        fails = 0
      } catch (err) {
        if (signal.aborted || ++fails > 4 || (err instanceof Problem && err.status >= 400 && err.status < 500 && err.status !== 409)) throw err
        await new Promise((ok) => setTimeout(ok, 400 * fails))
        offset = (await get<Upload>(`/api/uploads/${made.id}`, undefined, signal)).offset
      }
      seen(offset)
    }
  } catch (err) {
    if (signal.aborted) void del(`/api/uploads/${made.id}`).catch(() => {})
    throw err
  }
  return made.id
}

/** tableName proposes a table for a file: raw.NAME in lower case letters, digits and _. */
export function tableName(file: string): string {
  const base = file.replace(/\.(gz|zst)$/i, '').replace(/\.[a-z0-9]+$/i, '').toLowerCase()
  const name = base.normalize('NFKD').replaceAll(/[^a-z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '')
  const ok = /^[a-z]/.test(name) ? name : name ? `t_${name}` : 'table'
  return `raw.${ok.slice(0, 60)}`
}

/** badTableName says whether a name could not be a table's. */
export const badTableName = (s: string) => !/^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$/.test(s)
