// Where a file is dropped or chosen.
import { useNavigate } from '@tanstack/react-router'
import { useRef, useState, type DragEvent } from 'react'
import { Button, cx } from '../design/kit'
import { t } from '../i18n'
import { offer } from './incoming'

export function DropZone({ onFile, large, title, text }: { onFile?: (f: File) => void; large?: boolean; title?: string; text?: string }) {
  const go = useNavigate()
  const input = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  function take(file: File | undefined) {
    if (!file) return
    if (onFile) return onFile(file)
    offer(file)
    void go({ to: '/data/new' })
  }
  function drop(e: DragEvent) {
    e.preventDefault()
    setOver(false)
    take(e.dataTransfer.files[0])
  }
  const chosen = <input ref={input} type="file" aria-label={t('upload.choose')} data-testid="file" accept=".csv,.tsv,.txt,.gz,text/csv" className="hidden" tabIndex={-1} onChange={(e) => take(e.target.files?.[0])} />
  if (!large) return <>{chosen}<Button look="primary" icon="upload" onClick={() => input.current?.click()}>{t('upload.choose')}</Button></>
  return (
    <div onDragOver={(e) => { e.preventDefault(); setOver(true) }} onDragLeave={() => setOver(false)} onDrop={drop}
      className={cx('grid place-items-center rounded-card border-2 border-dashed px-6 py-16 text-center transition-colors', over ? 'border-accent bg-accent-soft' : 'border-line-strong/60 bg-surface')}>
      {chosen}
      <p className="text-lg font-semibold tracking-[-0.02em]">{over ? t('upload.release') : (title ?? t('upload.drop'))}</p>
      <p className="mt-1 mb-5 max-w-[48ch] text-ink-2">{text ?? t('upload.dropText')}</p>
      <Button look="primary" icon="upload" onClick={() => input.current?.click()}>{t('upload.choose')}</Button>
    </div>
  )
}
