import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shell } from '../app/root'

export const homeRoutes = [
  createRoute({ getParentRoute: () => shell, path: '/', component: lazyRouteComponent(() => import('./page'), 'Home') }),
] as const
