import { useState } from 'react'
import { Icon } from '../design/icon'
import { t } from '../i18n'
import { isDark, setTheme } from './theme'

export function ThemeSwitch() {
  const [dark, setDark] = useState(isDark)
  function turn() {
    setTheme(dark ? 'light' : 'dark')
    setDark(!dark)
  }
  return (
    <button type="button" onClick={turn} className="flex min-h-9 w-full items-center gap-3 rounded-lg px-2.5 text-ink-2 hover:bg-line/50 hover:text-ink">
      <Icon name={dark ? 'sun' : 'moon'} />{dark ? t('theme.light') : t('theme.dark')}
    </button>
  )
}
