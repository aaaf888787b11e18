import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shell } from '../app/root'

export const featureRoutes = [
  createRoute({ getParentRoute: () => shell, path: 'features', component: lazyRouteComponent(() => import('./page'), 'Features') }),
  createRoute({ getParentRoute: () => shell, path: 'features/$view', component: lazyRouteComponent(() => import('./view'), 'ViewPage') }),
] as const
