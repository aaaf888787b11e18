import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shell } from '../app/root'

export const endpointRoutes = [
  createRoute({ getParentRoute: () => shell, path: 'endpoints', component: lazyRouteComponent(() => import('./page'), 'Endpoints') }),
  createRoute({ getParentRoute: () => shell, path: 'endpoints/$name', component: lazyRouteComponent(() => import('./endpoint'), 'EndpointPage') }),
] as const
