import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shell } from '../app/root'

export const predictRoutes = [
  createRoute({
    getParentRoute: () => shell,
    path: 'predict',
    validateSearch: (s: Record<string, unknown>): { table?: string } => (typeof s.table === 'string' ? { table: s.table } : {}),
    component: lazyRouteComponent(() => import('./page'), 'Predict'),
  }),
  createRoute({ getParentRoute: () => shell, path: 'predict/$flow', component: lazyRouteComponent(() => import('./built'), 'Built') }),
] as const
