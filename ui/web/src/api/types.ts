// The nouns of the API as the studio names them. They come from schema.gen.ts, which
// is made from the server's OpenAPI document; what streams, or is free JSON there, is
// written out here.
import type { components } from './schema.gen'

type S = components['schemas']

export type Column = S['LakeColumn']
// 64-bit ids are texts on the wire; the document calls them integers.
export type Snapshot = Omit<S['LakeSnapshot'], 'id' | 'parent'> & { id: string; parent?: string }
export type Table = S['LakeTable']
export interface Rows { columns: Column[]; rows: unknown[][]; truncated?: boolean; ms?: number; bytes_read?: number }
export type ProfileColumn = S['LakehttpColumnProfile']
export type Reject = S['IngestReject']
export type Load = S['IngestLoad']
export interface Upload { id: string; offset: number; part_size: number }
export type SniffColumn = S['CsvColumn']
export type Sniff = S['CsvSniffed']

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'
export type Job = S['JobsJob']
export interface JobEvent { seq: number; at: string; type: string; data: unknown }

/** FieldSpec is one field of a step, an operator or any other spec that the server describes. */
export interface FieldSpec { name: string; type: string; title?: string; help?: string; required?: boolean; default?: unknown; options?: string[]; choices?: string[]; example?: unknown; min?: number; max?: number }
export interface StepSpec { do: string; title: string; help?: string; fields: FieldSpec[] }
export interface Step { do: string; name?: string; [field: string]: unknown }
export interface Recipe { name: string; from: string | string[]; to: string; mode?: string; steps: Step[] }
export type StepReason = S['CleanReason']
export type StepCount = S['LakeStepCount']
export type RecipePreview = S['CleanShown']

export type Entity = S['FeaturesEntity']
export type View = S['FeaturesView']
export type ViewVersion = S['FeaturesVersion']
export type TrainingSetSpec = S['FeaturesTrainingSetSpec']
export type SetColumn = S['FeaturesSetColumn']
export type TrainingSet = S['FeaturesTrainingSet']
export type FeatureVectors = S['GetFeaturesAnswer']

export type RunSpec = S['TrainingSpec']
export type Trial = S['TrainingTrial']
export type Run = Omit<S['TrainingRun'], 'curves'> & { curves?: Curves }
/** Curves as the trainer writes them; every part may be missing. */
export interface Curves { roc?: unknown; pr?: unknown; calibration?: unknown; importance?: unknown; [kind: string]: unknown }
export type ModelVersion = S['TrainingVersion']
export type Model = S['TrainingModel']

export type Input = S['ServingInput']
export type Signature = S['ServingSignature']
export type Deployment = S['ServinghttpDescribed']
export interface Prediction { id: string; label?: string; score?: number; value?: number; scores?: Record<string, number>; features?: Record<string, unknown> }
export interface Answer { model: string; version: number; predictions: Prediction[] }
export type LoggedPrediction = S['MonitoringhttpLogged']

export type Histogram = S['MonitoringHistogram']
export type Drift = S['MonitoringDrift']
export type Performance = S['MonitoringPerformance']
export type Report = S['MonitoringReport']
export type Policy = S['MonitoringPolicy']
export type Alert = S['MonitoringAlert']

export type Me = S['MeAnswer']
export type Membership = S['CatalogMembership']
export type Role = 'owner' | 'editor' | 'viewer' | 'predict'
export type Member = S['CatalogMember']
export type ApiKey = S['CatalogKey']
export type AuditEntry = S['CataloghttpAuditEntry']
export type LineageGraph = S['LineageGraph']
export type Ref = S['Ref']

export type Port = S['FlowPort']
export interface Operator { id: string; title: string; group: string; doc?: string; in?: Port[]; out?: Port[]; fields?: FieldSpec[]; cached?: boolean }
export type FlowNode = S['FlowNode']
export type Flow = S['FlowDocument']
export type Layout = S['FlowLayout']
export type FlowDoc = S['FlowSaved']
export type FlowProblem = S['FlowNodeError']
export type FlowCheck = S['ValidateFlowAnswer']
export interface NodeEvent { node: string; state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped'; rows?: number; ms?: number; message?: string; cached?: boolean; out?: Record<string, { type: string; data: Record<string, unknown> }> }
