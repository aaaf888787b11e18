// All routes of the studio: each feature lists its own.
import { createRouter } from '@tanstack/react-router'
import { dataRoutes } from '../data'
import { endpointRoutes } from '../endpoints'
import { featureRoutes } from '../features'
import { flowRoutes } from '../flow'
import { homeRoutes } from '../home'
import { modelRoutes } from '../models'
import { monitoringRoutes } from '../monitoring'
import { predictRoutes } from '../predict'
import { prepareRoutes } from '../prepare'
import { settingsRoutes } from '../settings'
import { sqlRoutes } from '../sql'
import { root, shell, signInRoute } from './root'

const tree = root.addChildren([
  signInRoute,
  shell.addChildren([...homeRoutes, ...predictRoutes, ...dataRoutes, ...prepareRoutes, ...featureRoutes, ...flowRoutes, ...modelRoutes, ...endpointRoutes, ...monitoringRoutes, ...sqlRoutes, ...settingsRoutes]),
])

export const router = createRouter({ routeTree: tree, defaultPreload: 'intent', defaultPendingMs: 400, scrollRestoration: true })

declare module '@tanstack/react-router' {
  interface Register { router: typeof router }
}
