import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shell } from '../app/root'

export const sqlRoutes = [
  createRoute({
    getParentRoute: () => shell,
    path: 'sql',
    validateSearch: (s: Record<string, unknown>): { table?: string } => (typeof s.table === 'string' ? { table: s.table } : {}),
    component: lazyRouteComponent(() => import('./page'), 'Notebook'),
  }),
] as const
