import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shell } from '../app/root'

export const tableTabs = ['preview', 'schema', 'profile', 'snapshots', 'rejects'] as const
export type TableTab = (typeof tableTabs)[number]

export const dataRoutes = [
  createRoute({ getParentRoute: () => shell, path: 'data', component: lazyRouteComponent(() => import('./tables'), 'Tables') }),
  createRoute({
    getParentRoute: () => shell,
    path: 'data/new',
    component: lazyRouteComponent(() => import('./new'), 'NewTable'),
  }),
  createRoute({
    getParentRoute: () => shell,
    path: 'data/$table',
    validateSearch: (s: Record<string, unknown>): { tab?: TableTab } => (tableTabs.includes(s.tab as TableTab) ? { tab: s.tab as TableTab } : {}),
    component: lazyRouteComponent(() => import('./table'), 'TablePage'),
  }),
] as const
