// The small parts every page is made of.
import { useId, type ButtonHTMLAttributes, type ComponentProps, type ReactNode } from 'react'
import { Icon, type IconName } from './icon'

export const cx = (...parts: (string | false | null | undefined)[]) => parts.filter(Boolean).join(' ')

type Look = 'primary' | 'plain' | 'quiet' | 'danger'
const looks: Record<Look, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong border-transparent shadow-card',
  plain: 'bg-surface text-ink border-line-strong/60 hover:bg-sunken',
  quiet: 'bg-transparent text-ink-2 border-transparent hover:bg-sunken hover:text-ink',
  danger: 'bg-surface text-bad border-line-strong/60 hover:bg-bad-soft',
}

export const buttonClass = (look: Look = 'plain', small = false) =>
  cx('inline-flex items-center justify-center gap-2 rounded-lg border font-medium whitespace-nowrap transition-colors duration-100 select-none disabled:opacity-55 disabled:cursor-not-allowed', small ? 'min-h-8 px-2.5 text-[13px]' : 'min-h-[38px] px-3.5 text-sm', looks[look])

export function Button({ look = 'plain', small, icon, busy, children, className, ...rest }: ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look; small?: boolean; icon?: IconName; busy?: boolean }) {
  return (
    <button type="button" {...rest} disabled={rest.disabled || busy} aria-busy={busy || undefined} className={cx(buttonClass(look, small), className)}>
      {busy ? <Spinner /> : icon && <Icon name={icon} size={small ? 16 : 18} />}
      {children}
    </button>
  )
}

export function Spinner({ size = 16 }: { size?: number }) {
  return <svg viewBox="0 0 20 20" width={size} height={size} aria-hidden="true" className="animate-spin" fill="none" stroke="currentColor" strokeWidth={2.2} strokeLinecap="round"><path d="M10 3a7 7 0 1 0 7 7" /></svg>
}

export function Card({ children, className, title, action, ...rest }: { children: ReactNode; className?: string; title?: ReactNode; action?: ReactNode } & Omit<ComponentProps<'section'>, 'title'>) {
  return (
    <section {...rest} className={cx('card min-w-0', className)}>
      {title !== undefined && (
        <header className="flex min-h-13 flex-wrap items-center justify-between gap-x-4 gap-y-1 px-5 pt-4 pb-1">
          <h2 className="text-[15px] font-semibold tracking-[-0.01em]">{title}</h2>
          {action}
        </header>
      )}
      {children}
    </section>
  )
}

export type Tone = 'plain' | 'good' | 'warn' | 'bad' | 'info' | 'accent'
const tones: Record<Tone, string> = {
  plain: 'bg-sunken text-ink-2', good: 'bg-good-soft text-good', warn: 'bg-warn-soft text-warn', bad: 'bg-bad-soft text-bad', info: 'bg-info-soft text-info', accent: 'bg-accent-soft text-accent-strong',
}
export function Badge({ tone = 'plain', children, dot }: { tone?: Tone; children: ReactNode; dot?: boolean }) {
  return (
    <span className={cx('inline-flex items-center gap-1.5 rounded-full px-2.5 py-0.5 text-xs font-medium whitespace-nowrap', tones[tone])}>
      {dot && <span className="size-1.5 rounded-full bg-current" aria-hidden="true" />}
      {children}
    </span>
  )
}

/** Page is a page's frame: heading, one line under it, and what can be done. */
export function Page({ title, lead, actions, children, wide, crumbs }: { title: ReactNode; lead?: ReactNode; actions?: ReactNode; children: ReactNode; wide?: boolean; crumbs?: ReactNode }) {
  return (
    <div className={cx('mx-auto w-full px-4 pt-6 pb-16 sm:px-8 sm:pt-9', wide ? 'max-w-[1500px]' : 'max-w-[1180px]')}>
      <header className="mb-6 flex flex-wrap items-end justify-between gap-x-6 gap-y-4">
        <div className="min-w-0">
          {crumbs && <div className="mb-1.5 text-[13px] text-ink-2">{crumbs}</div>}
          <h1 className="text-[26px] leading-tight font-semibold tracking-[-0.025em] break-words">{title}</h1>
          {lead && <div className="mt-1.5 max-w-[68ch] text-ink-2">{lead}</div>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

/** Field is a label with its control, help and error; the control gets the ids. */
export function Field({ label, help, error, children, required }: { label: string; help?: ReactNode; error?: string; required?: boolean; children: (p: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true; required?: boolean }) => ReactNode }) {
  const id = useId()
  const note = help || error ? `${id}-note` : undefined
  return (
    <div className="grid min-w-0 content-start gap-1.5">
      <label htmlFor={id} className="text-[13px] font-medium [overflow-wrap:anywhere]">{label}{required && <span aria-hidden="true" className="text-accent"> *</span>}</label>
      {children({ id, 'aria-describedby': note, 'aria-invalid': error ? true : undefined, required })}
      {note && <div id={note} className={cx('text-[13px]', error ? 'text-bad' : 'text-ink-2')}>{error ?? help}</div>}
    </div>
  )
}

export function Progress({ value, label }: { value: number | null; label: string }) {
  return (
    <div role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={value === null ? undefined : Math.round(value * 100)} className="h-1.5 overflow-hidden rounded-full bg-sunken">
      <div className={cx('h-full rounded-full bg-accent transition-[width] duration-200', value === null && 'w-1/3 animate-pulse')} style={value === null ? undefined : { width: `${Math.min(100, value * 100)}%` }} />
    </div>
  )
}

export function Skeleton({ lines = 3, className }: { lines?: number; className?: string }) {
  return <div aria-hidden="true" className={cx('grid animate-pulse gap-3', className)}>{Array.from({ length: lines }, (_, i) => <div key={i} className="h-4 rounded bg-line/70" style={{ width: `${92 - ((i * 23) % 40)}%` }} />)}</div>
}

/** Figure is one number with its name; it is never shown for a number that means nothing yet. */
export function Figure({ label, children, note, tone }: { label: ReactNode; children: ReactNode; note?: ReactNode; tone?: 'good' | 'bad' }) {
  return (
    <div className="min-w-0">
      <dt className="text-[13px] text-ink-2">{label}</dt>
      <dd className={cx('mt-0.5 text-xl font-semibold tracking-[-0.02em] tabular-nums', tone === 'good' && 'text-good', tone === 'bad' && 'text-bad')}>{children}</dd>
      {note && <dd className="text-[13px] text-ink-2">{note}</dd>}
    </div>
  )
}

/** Ghost stands where nothing is yet: it says what will be here and offers the way. */
export function Ghost({ icon, title, children, action }: { icon: IconName; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="grid place-items-center rounded-card border border-dashed border-line-strong/60 px-6 py-12 text-center">
      <span className="mb-3 grid size-11 place-items-center rounded-xl bg-accent-soft text-accent-strong"><Icon name={icon} size={22} /></span>
      <p className="text-[15px] font-semibold">{title}</p>
      {children && <p className="mt-1 max-w-[52ch] text-ink-2">{children}</p>}
      {action && <div className="mt-5 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  )
}
