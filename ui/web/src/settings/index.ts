import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shell } from '../app/root'

export const settingsTabs = ['members', 'keys', 'audit', 'account', 'about'] as const
export type SettingsTab = (typeof settingsTabs)[number]

export const settingsRoutes = [
  createRoute({
    getParentRoute: () => shell,
    path: 'settings',
    validateSearch: (s: Record<string, unknown>): { tab?: SettingsTab } => (settingsTabs.includes(s.tab as SettingsTab) ? { tab: s.tab as SettingsTab } : {}),
    component: lazyRouteComponent(() => import('./page'), 'Settings'),
  }),
] as const
