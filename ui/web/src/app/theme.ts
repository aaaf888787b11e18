// The theme follows the system until somebody chooses one.
export type Theme = 'light' | 'dark' | 'system'

const key = 'forge-theme'

export function theme(): Theme {
  const kept = localStorage.getItem(key)
  return kept === 'light' || kept === 'dark' ? kept : 'system'
}

export function setTheme(next: Theme): void {
  if (next === 'system') localStorage.removeItem(key)
  else localStorage.setItem(key, next)
  apply()
}

export function apply(): void {
  const now = theme()
  if (now === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = now
}

/** isDark says what is on the screen now. */
export function isDark(): boolean {
  const now = theme()
  return now === 'dark' || (now === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
}
