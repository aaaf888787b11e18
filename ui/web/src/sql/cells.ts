// The notebook's rules: cells and what can be done to them.
export interface Cell { id: number; kind: 'sql' | 'note'; text: string; chart?: Chart }
export interface Chart { kind: 'bar' | 'line'; x: string; y: string }

export type Edit =
  | { type: 'text'; id: number; text: string }
  | { type: 'chart'; id: number; chart: Chart | undefined }
  | { type: 'add'; after?: number; kind: Cell['kind']; text?: string }
  | { type: 'remove'; id: number }
  | { type: 'move'; id: number; by: 1 | -1 }

export function edit(cells: Cell[], e: Edit): Cell[] {
  switch (e.type) {
    case 'text': return cells.map((c) => (c.id === e.id ? { ...c, text: e.text } : c))
    case 'chart': return cells.map((c) => (c.id === e.id ? { ...c, chart: e.chart } : c))
    case 'add': {
      const at = e.after === undefined ? cells.length : cells.findIndex((c) => c.id === e.after) + 1
      return cells.toSpliced(at, 0, { id: Math.max(0, ...cells.map((c) => c.id)) + 1, kind: e.kind, text: e.text ?? '' })
    }
    case 'remove': return cells.length > 1 ? cells.filter((c) => c.id !== e.id) : cells.map((c) => ({ ...c, text: '', chart: undefined }))
    case 'move': {
      const at = cells.findIndex((c) => c.id === e.id), to = at + e.by
      if (at < 0 || to < 0 || to >= cells.length) return cells
      const next = [...cells]
      ;[next[at], next[to]] = [next[to]!, next[at]!]
      return next
    }
  }
}

const key = (project: string) => `forge-notebook-${project}`

export function load(project: string): Cell[] | null {
  try {
    const cells = JSON.parse(localStorage.getItem(key(project)) ?? 'null') as unknown
    return Array.isArray(cells) && cells.length > 0 && cells.every((c) => typeof c?.text === 'string' && typeof c.id === 'number') ? (cells as Cell[]) : null
  } catch {
    return null
  }
}

export function keep(project: string, cells: Cell[]): void {
  try {
    localStorage.setItem(key(project), JSON.stringify(cells))
  } catch { /* a full or forbidden store loses the notebook, not the work on the page */ }
}

/**
 * csv is a result as RFC 4180 text; NULL is an empty field. A text that a spreadsheet
 * would run as a formula gets an apostrophe before it; numbers stay numbers.
 */
export function csv(columns: string[], rows: unknown[][]): string {
  const field = (v: unknown) => {
    let s = v === null || v === undefined ? '' : typeof v === 'object' ? JSON.stringify(v) : String(v)
    if (/^[=+\-@\t\r]/.test(s) && typeof v !== 'number' && !/^[+-]?\d+(\.\d+)?$/.test(s)) s = `'${s}`
    return /[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s
  }
  return [columns, ...rows].map((r) => r.map(field).join(',')).join('\r\n') + '\r\n'
}

/** lines is a result as JSON, an object for each row, one to a line. A name that comes twice gets a number. */
export function lines(columns: string[], rows: unknown[][]): string {
  const names: string[] = []
  for (const c of columns) {
    let name = c
    for (let i = 2; names.includes(name); i++) name = `${c}_${i}`
    names.push(name)
  }
  return `[\n${rows.map((r) => JSON.stringify(Object.fromEntries(names.map((n, i) => [n, r[i] ?? null])))).join(',\n')}\n]\n`
}

export interface Part { kind: 'h' | 'p' | 'li'; runs: { text: string; bold?: boolean; code?: boolean }[] }

/** note reads the little of Markdown that notes need: headings, lists, bold, code. */
export function note(text: string): Part[] {
  return text.split('\n').map((l) => l.trim()).filter(Boolean).map((l) => {
    const head = /^#{1,4} (.*)/.exec(l), item = /^[-*] (.*)/.exec(l)
    const body = head?.[1] ?? item?.[1] ?? l
    return { kind: head ? 'h' : item ? 'li' : 'p', runs: body.split(/(\*\*[^*]+\*\*|`[^`]+`)/).filter(Boolean).map((r) => (r.startsWith('**') ? { text: r.slice(2, -2), bold: true } : r.startsWith('`') ? { text: r.slice(1, -1), code: true } : { text: r })) }
  })
}
