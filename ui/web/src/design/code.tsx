// Code to take away: text with a copy button.
import { useState } from 'react'
import { t } from '../i18n'
import { Button } from './kit'

export function Code({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false)
  async function copy() {
    await navigator.clipboard?.writeText(text).catch(() => {})
    setCopied(true)
    setTimeout(() => setCopied(false), 1500)
  }
  return (
    <div className="overflow-hidden rounded-lg border border-line bg-sunken">
      <div className="flex items-center justify-between gap-2 border-b border-line py-1 pr-1.5 pl-3 text-[12.5px] text-ink-2">
        <span>{label}</span>
        <Button small look="quiet" icon={copied ? 'check' : 'copy'} onClick={() => void copy()}>{copied ? t('copied') : t('copy')}</Button>
      </div>
      <pre tabIndex={0} aria-label={label} className="overflow-x-auto p-3 font-mono text-[12.5px] leading-relaxed">{text}</pre>
    </div>
  )
}
