import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shell } from '../app/root'

export const prepareRoutes = [
  createRoute({
    getParentRoute: () => shell,
    path: 'prepare',
    validateSearch: (s: Record<string, unknown>): { table?: string; recipe?: string } => ({
      ...(typeof s.table === 'string' ? { table: s.table } : {}),
      ...(typeof s.recipe === 'string' ? { recipe: s.recipe } : {}),
    }),
    component: lazyRouteComponent(() => import('./page'), 'Prepare'),
  }),
] as const
