// The frame: navigation at the side, at the top on narrow screens, and the jobs drawer.
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect, useId, useState } from 'react'
import { meQuery, projectsQuery } from '../api/queries'
import type { Membership } from '../api/types'
import { Dialog } from '../design/dialog'
import { Icon, type IconName } from '../design/icon'
import { cx } from '../design/kit'
import { ProblemNote } from '../design/problem'
import { t } from '../i18n'
import { JobsButton } from '../jobs/drawer'
import { signOut, switchProject } from './session'
import { ThemeSwitch } from './themeswitch'

const places = [
  { to: '/', icon: 'home', name: 'nav.home' },
  { to: '/predict', icon: 'target', name: 'nav.predict' },
  { to: '/data', icon: 'data', name: 'nav.data' },
  { to: '/prepare', icon: 'prepare', name: 'nav.prepare' },
  { to: '/features', icon: 'features', name: 'nav.features' },
  { to: '/flow', icon: 'flow', name: 'nav.flow' },
  { to: '/models', icon: 'models', name: 'nav.models' },
  { to: '/endpoints', icon: 'endpoint', name: 'nav.endpoints' },
  { to: '/monitoring', icon: 'monitor', name: 'nav.monitoring' },
  { to: '/sql', icon: 'sql', name: 'nav.sql' },
  { to: '/settings', icon: 'settings', name: 'nav.settings' },
] as const satisfies { to: string; icon: IconName; name: string }[]

export function Shell() {
  const [menu, setMenu] = useState(false)
  const path = useRouterState({ select: (s) => s.location.pathname })
  useEffect(() => {
    setMenu(false)
    const place = places.findLast((p) => path === p.to || (p.to !== '/' && path.startsWith(p.to)))
    document.title = place ? `${t(place.name)} · AI Forge` : 'AI Forge'
  }, [path])
  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[224px_minmax(0,1fr)]">
      <a href="#main" className="sr-only z-50 rounded-lg bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2">{t('skip')}</a>
      <aside className="sticky top-0 hidden h-dvh flex-col border-r border-line bg-sunken/60 px-3 py-4 lg:flex">
        <Link to="/" className="mb-5 flex items-center gap-2.5 rounded-lg px-2 py-1"><Mark /></Link>
        <Nav />
        <div className="mt-auto grid gap-1 pt-4"><JobsButton /><ThemeSwitch /><Account /></div>
      </aside>
      <header className="sticky top-0 z-30 flex h-14 items-center justify-between border-b border-line bg-bg/95 px-3 lg:hidden">
        <Link to="/" className="flex items-center gap-2 rounded-lg px-1 py-1"><Mark /></Link>
        <div className="flex items-center gap-1">
          <JobsButton compact />
          <button type="button" onClick={() => setMenu(true)} className="inline-flex min-h-10 items-center gap-2 rounded-lg px-3 text-sm font-medium hover:bg-sunken"><Icon name="menu" />{t('menu')}</button>
        </div>
      </header>
      <Dialog open={menu} onClose={() => setMenu(false)} title={t('menu')} side="right">
        <Nav />
        <div className="mt-6 grid gap-1 border-t border-line pt-4"><ThemeSwitch /><Account /></div>
      </Dialog>
      <main id="main" tabIndex={-1} className="min-w-0 outline-none"><Outlet /></main>
    </div>
  )
}

function Mark() {
  return <><img src="/mark.svg" width={26} height={26} alt="" /><span className="text-[15px] font-semibold tracking-[-0.02em]">AI Forge</span></>
}

function Nav() {
  return (
    <nav aria-label={t('nav.label')}>
      <ul className="grid gap-0.5">
        {places.map((p) => (
          <li key={p.to}>
            <Link to={p.to} activeOptions={{ exact: p.to === '/' }} className="flex min-h-9 items-center gap-3 rounded-lg px-2.5 text-ink-2 hover:bg-line/50 hover:text-ink"
              activeProps={{ className: 'bg-surface text-ink! font-medium shadow-card [&>svg]:text-accent', 'aria-current': 'page' }}>
              <Icon name={p.icon} />{t(p.name)}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}

function Account() {
  const me = useQuery(meQuery).data
  const projects = useQuery(projectsQuery).data ?? []
  const go = useNavigate()
  async function leave() {
    await signOut()
    await go({ to: '/signin' })
  }
  return (
    <>
    {projects.length > 1 && <ProjectSwitch projects={projects} />}
    <div className="flex items-center justify-between gap-2 px-2.5 pt-1">
      <div className="min-w-0 text-[13px]">
        <div className="truncate font-medium">{me?.name ?? ' '}</div>
        {projects.length < 2 && <div className="truncate text-ink-2">{me?.title || me?.project}</div>}
      </div>
      <button type="button" onClick={() => void leave()} className={cx('inline-flex min-h-8 shrink-0 items-center gap-1.5 rounded-lg px-2 text-[13px] text-ink-2 hover:bg-line/50 hover:text-ink')}><Icon name="out" size={16} />{t('signout')}</button>
    </div>
    </>
  )
}

function ProjectSwitch({ projects }: { projects: Membership[] }) {
  const go = useNavigate()
  const id = useId()
  const change = useMutation({ mutationFn: switchProject, onSuccess: () => go({ to: '/' }) })
  return (
    <div className="grid gap-1 px-2.5 pt-2">
      <label htmlFor={id} className="text-[12.5px] text-ink-2">{t('project')}</label>
      <select id={id} className="input min-h-9! py-1! text-[13px]!" value={projects.find((p) => p.current)?.project} disabled={change.isPending} onChange={(e) => change.mutate(e.target.value)}>
        {projects.map((p) => <option key={p.project} value={p.project}>{p.title || p.project}</option>)}
      </select>
      <ProblemNote error={change.error} />
    </div>
  )
}
