import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shell } from '../app/root'

export const flowRoutes = [
  createRoute({ getParentRoute: () => shell, path: 'flow', component: lazyRouteComponent(() => import('./list'), 'Flows') }),
  createRoute({ getParentRoute: () => shell, path: 'flow/$name', component: lazyRouteComponent(() => import('./page'), 'FlowPage') }),
] as const
