import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shell } from '../app/root'

export const modelRoutes = [
  createRoute({ getParentRoute: () => shell, path: 'models', component: lazyRouteComponent(() => import('./page'), 'Models') }),
  createRoute({
    getParentRoute: () => shell,
    path: 'models/$model',
    validateSearch: (s: Record<string, unknown>): { version?: number } => (Number(s.version) > 0 ? { version: Number(s.version) } : {}),
    component: lazyRouteComponent(() => import('./model'), 'ModelPage'),
  }),
] as const
