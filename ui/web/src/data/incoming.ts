// A file on its way from wherever it was dropped to the upload page.
let waiting: File | null = null

export function offer(file: File): void { waiting = file }

export function accept(): File | null {
  const file = waiting
  waiting = null
  return file
}
