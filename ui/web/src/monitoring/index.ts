import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shell } from '../app/root'

export const monitoringRoutes = [
  createRoute({ getParentRoute: () => shell, path: 'monitoring', component: lazyRouteComponent(() => import('./page'), 'Monitoring') }),
  createRoute({
    getParentRoute: () => shell,
    path: 'monitoring/$name',
    validateSearch: (s: Record<string, unknown>): { window?: string; column?: string } => ({
      ...(typeof s.window === 'string' ? { window: s.window } : {}),
      ...(typeof s.column === 'string' ? { column: s.column } : {}),
    }),
    component: lazyRouteComponent(() => import('./monitor'), 'MonitorPage'),
  }),
] as const
