// The root of the routes, and the frame that everything but sign-in has around it.
import { createRootRoute, createRoute, lazyRouteComponent, Outlet, redirect } from '@tanstack/react-router'
import { t } from '../i18n'
import { signedIn } from './session'
import { NotFound, RouteProblem } from './notfound'

export const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: RouteProblem })

export const signInRoute = createRoute({
  getParentRoute: () => root,
  path: 'signin',
  validateSearch: (s: Record<string, unknown>): { next?: string } => (typeof s.next === 'string' && s.next.startsWith('/') && !s.next.startsWith('//') ? { next: s.next } : {}),
  component: lazyRouteComponent(() => import('../signin/page'), 'SignIn'),
  head: () => ({ meta: [{ title: t('signin.title') }] }),
})

export const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  beforeLoad: async ({ location }) => {
    if (!(await signedIn())) throw redirect({ to: '/signin', search: location.pathname === '/' ? {} : { next: location.href } })
  },
  component: lazyRouteComponent(() => import('./shell'), 'Shell'),
})
