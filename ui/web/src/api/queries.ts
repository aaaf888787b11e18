// What more than one page asks for, with one cache key each.
import { queryOptions } from '@tanstack/react-query'
import { get, seg, type ReadPath } from './http'
import type { Alert, ApiKey, Deployment, FlowDoc, Job, Load, Me, Member, Membership, Model, Operator, Policy, ProfileColumn, Reject, Report, Rows, Run, Snapshot, StepSpec, Table, TrainingSet, ViewVersion } from './types'

const list = <T>(key: unknown[], path: ReadPath, field: string, query?: Record<string, string | number | undefined>) =>
  queryOptions({ queryKey: key, queryFn: async ({ signal }) => listOf<T>(await get<unknown>(path, query, signal), field) })

/** listOf takes {field: [...]}, a bare list, or nothing at all. */
export function listOf<T>(answer: unknown, field: string): T[] {
  if (Array.isArray(answer)) return answer as T[]
  const o = (answer ?? {}) as Record<string, unknown>
  if (Array.isArray(o[field])) return o[field] as T[]
  return (Object.values(o).find(Array.isArray) as T[] | undefined) ?? []
}

const one = <T>(key: unknown[], path: ReadPath, query?: Record<string, string | number | undefined>) =>
  queryOptions({ queryKey: key, queryFn: ({ signal }) => get<T>(path, query, signal) })

export const meQuery = one<Me>(['me'], '/api/me')
export const projectsQuery = list<Membership>(['me', 'projects'], '/api/me/projects', 'projects')
export const tablesQuery = list<Table>(['tables'], '/api/tables', 'tables')
export const tableQuery = (name: string) => one<Table>(['tables', name], `/api/tables/${seg(name)}`)
export const rowsQuery = (name: string, snapshot?: string) => one<Rows>(['tables', name, 'rows', snapshot], `/api/tables/${seg(name)}/rows`, { limit: 500, snapshot })
export const snapshotsQuery = (name: string) => list<Snapshot>(['tables', name, 'snapshots'], `/api/tables/${seg(name)}/snapshots`, 'snapshots')
export const profileQuery = (name: string) => list<ProfileColumn>(['tables', name, 'profile'], `/api/tables/${seg(name)}/profile`, 'columns')
export const rejectsQuery = (name: string) => one<{ rejects?: Reject[]; total?: number }>(['tables', name, 'rejects'], `/api/rejects/${seg(name)}`, { limit: 200 })
export const loadsQuery = (table?: string) => list<Load>(['loads', table], '/api/loads', 'loads', { table })
export const jobsQuery = { ...list<Job>(['jobs'], '/api/jobs', 'jobs', { limit: 15 }) }
export const stepSpecsQuery = list<StepSpec>(['recipes', 'steps'], '/api/recipes/steps', 'steps')
export const viewsQuery = list<ViewVersion>(['features', 'views'], '/api/features/views', 'views')
export const viewQuery = (name: string) => list<ViewVersion>(['features', 'views', name], `/api/features/views/${seg(name)}`, 'versions')
export const setsQuery = list<TrainingSet>(['features', 'sets'], '/api/features/training-sets', 'training_sets')
export const modelsQuery = list<Model>(['models'], '/api/models', 'models')
export const modelQuery = (name: string) => one<Model>(['models', name], `/api/models/${seg(name)}`)
export const runsQuery = list<Run>(['runs'], '/api/runs', 'runs')
/** newestRunsQuery is what the first page needs: a list of all runs grows without end. */
export const newestRunsQuery = list<Run>(['runs', 'newest'], '/api/runs', 'runs', { limit: 4 })
export const runQuery = (id: string) => one<Run>(['runs', id], `/api/runs/${seg(id)}`)
export const deploymentsQuery = list<Deployment>(['deployments'], '/api/deployments', 'deployments')
export const deploymentQuery = (name: string) => one<Deployment>(['deployments', name], `/api/deployments/${seg(name)}`)
export const alertsQuery = (deployment?: string) => list<Alert>(['alerts', deployment], '/api/alerts', 'alerts', { deployment })
export const driftQuery = (name: string) => list<Report>(['monitors', name, 'drift'], `/api/monitors/${seg(name)}/drift`, 'reports')
export const policyQuery = (name: string) => one<Policy>(['monitors', name], `/api/monitors/${seg(name)}`)
export const flowsQuery = list<FlowDoc>(['flows'], '/api/flows', 'flows')
export const operatorsQuery = list<Operator>(['operators'], '/api/flows/operators', 'operators')
export const membersQuery = list<Member>(['members'], '/api/members', 'members')
export const keysQuery = list<ApiKey>(['keys'], '/api/keys', 'keys')
