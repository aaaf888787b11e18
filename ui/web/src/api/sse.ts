// Server-sent events by fetch, since EventSource cannot carry a bearer token.
export interface Message { id?: string; event: string; data: string }

/** parse takes text as it comes and gives the whole messages; rest is what waits for more. */
export function parse(buffer: string): { messages: Message[]; rest: string } {
  const parts = buffer.replaceAll('\r\n', '\n').split('\n\n')
  const rest = parts.pop() ?? ''
  return { messages: parts.map(message).filter((m): m is Message => m !== null), rest }
}

function message(block: string): Message | null {
  let id: string | undefined
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    if (line === '' || line.startsWith(':')) continue
    const at = line.indexOf(':')
    const field = at < 0 ? line : line.slice(0, at)
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '')
    if (field === 'id') id = value
    else if (field === 'event') event = value
    else if (field === 'data') data.push(value)
  }
  return data.length === 0 ? null : { id, event, data: data.join('\n') }
}

export async function* events(res: Response): AsyncGenerator<Message> {
  if (!res.body) return
  let buffer = ''
  const reader = res.body.pipeThrough(new TextDecoderStream()).getReader()
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      const got = parse(buffer + value)
      buffer = got.rest
      yield* got.messages
    }
  } finally {
    void reader.cancel().catch(() => {})
  }
}
