import type { IconName } from '../design/icon'

const icons: Record<string, IconName> = { Data: 'data', Prepare: 'prepare', Features: 'features', Models: 'models', Serve: 'endpoint', Watch: 'monitor' }

export const groupIcon = (group: string | undefined): IconName => icons[group ?? ''] ?? 'flow'
