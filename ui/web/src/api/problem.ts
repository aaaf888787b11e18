// Problem is an answer that is no success: RFC 9457 with our kind.
export interface FieldProblem { path?: string; text: string }

export class Problem extends Error {
  readonly status: number
  readonly kind: string
  readonly fields: FieldProblem[]
  readonly instance: string | undefined
  constructor(status: number, kind: string, detail: string, fields: FieldProblem[] = [], instance?: string) {
    super(detail)
    this.name = 'Problem'
    this.status = status
    this.kind = kind
    this.fields = fields
    this.instance = instance
  }
}

/** problemOf reads what the server said; a proxy's page of HTML becomes a plain problem. */
export async function problemOf(res: Response): Promise<Problem> {
  const text = await res.text().catch(() => '')
  try {
    const p = JSON.parse(text)
    return new Problem(res.status, p.kind ?? 'internal', p.detail ?? p.error ?? res.statusText, p.errors ?? [], p.instance)
  } catch {
    return new Problem(res.status, 'internal', res.statusText || `HTTP ${res.status}`)
  }
}

/** asProblem makes any thrown value showable. A failed fetch means the server is not there. */
export function asProblem(err: unknown): Problem {
  if (err instanceof Problem) return err
  if (err instanceof TypeError) return new Problem(0, 'unreachable', '')
  return new Problem(0, 'internal', err instanceof Error ? err.message : String(err))
}
