// Dialogs and drawers are the browser's own <dialog>: focus trap, Escape and inert page for free.
import { useEffect, useRef, type ReactNode } from 'react'
import { t } from '../i18n'
import { Icon } from './icon'
import { cx } from './kit'

export function Dialog({ open, onClose, title, children, side, size = 'md' }: { open: boolean; onClose: () => void; title: string; children: ReactNode; side?: 'right' | 'left'; size?: 'sm' | 'md' | 'lg' }) {
  const ref = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const d = ref.current
    if (d && open && !d.open) {
      d.showModal() // gives the focus to the first control, which is Close
      d.querySelector<HTMLElement>('[data-first]')?.focus()
    }
    if (d && !open && d.open) d.close()
  }, [open])
  if (!open) return null
  return (
    <dialog
      ref={ref}
      aria-label={title}
      onClose={onClose}
      onPointerDown={(e) => { if (e.target === ref.current) onClose() }}
      className={cx('rise bg-raised text-ink shadow-high', side
        ? cx('fixed inset-y-0 m-0 h-dvh max-h-none w-[min(440px,100vw)] max-w-none border-line', side === 'right' ? 'left-auto right-0 border-l' : 'left-0 right-auto border-r')
        : cx('m-auto max-h-[90dvh] w-[calc(100vw-24px)] rounded-2xl border border-line', size === 'sm' ? 'max-w-md' : size === 'lg' ? 'max-w-4xl' : 'max-w-xl'))}
    >
      <div className={cx('flex flex-col', side ? 'h-full' : 'max-h-[90dvh]')}>
        <header className="flex items-center justify-between gap-4 px-5 pt-4 pb-2">
          <h2 className="text-base font-semibold tracking-[-0.01em]">{title}</h2>
          <button type="button" onClick={onClose} className="inline-flex min-h-8 items-center gap-1.5 rounded-lg px-2 text-[13px] text-ink-2 hover:bg-sunken hover:text-ink"><Icon name="close" size={16} />{t('close')}</button>
        </header>
        <div className="min-h-0 flex-1 overflow-y-auto px-5 pt-1 pb-5">{children}</div>
      </div>
    </dialog>
  )
}
