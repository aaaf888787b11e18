// The nouns of the API as the studio reads them.
export interface Column { id?: number; name: string; type: string; doc?: string; tags?: string[] }
export interface Snapshot { id: string; parent?: string; at: string; operation: string; rows: number; added: number; summary?: Record<string, string>; tags?: string[] }
export interface Table { name: string; schema: { columns: Column[] }; snapshot?: Snapshot; properties?: Record<string, string>; rows: number; bytes: number; files: number; created: string; updated: string }
export interface Rows { columns: Column[]; rows: unknown[][]; truncated?: boolean; ms?: number; bytes_read?: number }
export interface ProfileColumn { name: string; type: string; nulls: number; distinct: number; min?: unknown; max?: unknown; mean?: number | null; top?: { value: unknown; count: number }[]; histogram?: { edges: number[]; counts: number[] } }
export interface Reject { source: string; line: number; column: string; value: string; reason: string; text: string; at: string }
export interface Load { id: string; table: string; file: string; bytes: number; rows: number; rejected: number; already: boolean; snapshot: string; at: string }
export interface Upload { id: string; offset: number; part_size: number }
export interface SniffColumn { name: string; type: string; format?: string; nulls: number; examples?: string[]; bad?: number }
export interface Sniff { encoding: string; delimiter: string; quote: string; header: boolean; columns: SniffColumn[]; rows_sampled: number; preview: string[][]; warnings?: string[] }

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'
export interface Job { id: string; kind: string; title: string; state: JobState; progress: { step?: string; done: number; total?: number; unit?: string }; args?: unknown; result?: unknown; error?: string; error_kind?: string; by: string; attempt: number; created: string; started?: string; finished?: string }
export interface JobEvent { seq: number; at: string; type: string; data: unknown }

/** FieldSpec is one field of a step, an operator or any other spec that the server describes. */
export interface FieldSpec { name: string; type: string; title?: string; help?: string; required?: boolean; default?: unknown; options?: string[]; choices?: string[]; example?: unknown; min?: number; max?: number }
export interface StepSpec { do: string; title: string; help?: string; fields: FieldSpec[] }
export interface Step { do: string; name?: string; [field: string]: unknown }
export interface Recipe { name: string; from: string | string[]; to: string; mode?: string; steps: Step[] }
export interface StepReason { step: number | string; column?: string; text: string }
export interface StepCount { name: string; rows_in: number; rows_out: number; rows_touched: number; rejected: number }
export interface RecipePreview { columns: Column[]; before: unknown[][]; after_columns: Column[]; after: unknown[][]; steps: StepCount[]; before_rows?: number[]; after_rows?: number[] }

export interface Entity { name: string; keys: string[]; doc?: string }
export interface View { name: string; entity: string; table?: string; sql?: string; event_time: string; columns?: string[]; ttl?: string; online: boolean; doc?: string }
export interface ViewVersion { view: View; entity: Entity; number: number; hash: string; features: Column[]; created: string; by: string; materialized?: { at: string; entities: number; until: string } }
export interface TrainingSetSpec { name: string; labels?: string; labels_sql?: string; time: string; label: string; keep?: string[]; views: string[] }
export interface SetColumn { name: string; type: string; role: string; from?: string; tags?: string[] }
export interface TrainingSet { id: string; spec: TrainingSetSpec; table: string; snapshot: string; rows: number; views: { view: string; version: number }[]; columns: SetColumn[]; sql: string; created: string }
export interface FeatureVectors { features: string[]; vectors: { values: unknown[]; status: (string | number)[]; event: string[] }[] }

export interface RunSpec { model: string; training_set: string; target?: string; task?: string; metric?: string; positive?: string; budget?: string; families?: string[]; alias?: string }
export interface Trial { family: string; params: Record<string, unknown>; score: number; metrics: Record<string, number>; seconds: number; error?: string }
export interface Run { id: string; job: string; spec: RunSpec; state: JobState; task: string; metric: string; set?: TrainingSet; rows: { train: number; valid: number; test: number }; leaderboard?: Trial[]; leakage?: { column: string; score: number; reason: string }[]; best?: string; metrics?: Record<string, number>; baseline?: Record<string, number>; curves?: Curves; version?: number; error?: string; created: string; finished?: string }
/** Curves as the trainer writes them; every part may be missing. */
export interface Curves { roc?: unknown; pr?: unknown; calibration?: unknown; importance?: unknown; [kind: string]: unknown }
export interface ModelVersion { model: string; number: number; status: 'pending' | 'ready' | 'refused'; reason?: string; run: string; digest: string; task: string; metrics: Record<string, number>; training_set: string; aliases?: string[]; created: string; by: string; signature?: Signature; card?: string }
export interface Model { name: string; doc?: string; versions?: ModelVersion[]; aliases?: Record<string, number>; created: string }

export interface Input { name: string; type: string; view?: string; feature?: string }
export interface Signature { model: string; version: number; task: string; inputs: Input[]; classes?: string[]; positive?: string }
export interface Deployment { name: string; model: string; alias?: string; version: number; state: 'loading' | 'ready' | 'failed'; error?: string; created: string; since: string; requests: number; failed: number; p50_ms: number; p99_ms: number; signature?: Signature }
export interface Prediction { id: string; label?: string; score: number; scores?: Record<string, number>; features?: Record<string, unknown> }
export interface Answer { model: string; version: number; predictions: Prediction[] }
export interface LoggedPrediction { id?: string; prediction_id?: string; at: string; entity: string; version: number; label: string; score: number; latency_ns?: number; source?: string }

export interface Histogram { labels: string[]; shares: number[] }
export interface Drift { column: string; kind: 'number' | 'category'; stats: Record<string, number>; p_value: number; effect: number; drifted: boolean; reference: Histogram; current: Histogram }
export interface Performance { from: string; to: string; version: number; rows: number; missing: number; metrics: Record<string, number> }
export interface Report { deployment: string; model: string; version: number; from: string; to: string; rows: number; columns: Drift[]; drifted?: string[]; performance?: Performance; created: string }
export interface Policy { deployment: string; window: string; min_rows: number; psi: number; alpha: number; labels?: string; label_key?: string; label?: string; label_time?: string; metric?: string; max_drop?: number; retrain?: { training_set: string; budget: string; alias: string; min_gain: number } }
export interface Alert { id: string; deployment: string; version: number; kind: 'drift' | 'performance'; columns?: string[]; since: string; window: [string, string]; text: string; state: 'open' | 'acting' | 'resolved'; job?: string; outcome?: string; created: string }

export interface Me { user: string; name: string; email?: string; role: Role; project: string; title?: string; permissions?: string[] }
export type Role = 'owner' | 'editor' | 'viewer' | 'predict'
export interface Member { user: string; email: string; name: string; role: Role }
export interface ApiKey { id: string; name: string; role: Role; prefix: string; by: string; created: string; used?: string; expires?: string; revoked?: string }
export interface AuditEntry { seq?: number; at: string; principal?: { name?: string; user?: string }; action: string; target: string; outcome: string; status?: number; remote?: string; [more: string]: unknown }
export interface LineageGraph { nodes: { ref: Ref | string; title?: string; at?: string }[]; edges: { from: Ref; to: Ref; by: string; at: string }[] }
export interface Ref { kind: string; id: string }

export interface Port { name: string; title?: string; type: string; optional?: boolean }
export interface Operator { id: string; title: string; group: string; doc?: string; in?: Port[]; out?: Port[]; fields?: FieldSpec[]; cached?: boolean }
export interface FlowNode { op: string; title?: string; in?: Record<string, string>; config?: Record<string, unknown> }
export interface Flow { apiVersion?: string; kind?: string; metadata?: { name?: string; title?: string; [k: string]: unknown }; nodes: Record<string, FlowNode>; [more: string]: unknown }
export interface Layout { nodes?: Record<string, { x: number; y: number }>; [more: string]: unknown }
export interface FlowDoc { flow: Flow; layout?: Layout; revision: number; by?: string; at?: string }
export interface FlowProblem { node?: string; path?: string; text: string }
export interface FlowCheck { errors?: FlowProblem[]; order?: string[] }
export interface NodeEvent { node: string; state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped'; rows?: number; ms?: number; message?: string; cached?: boolean; out?: Record<string, { type: string; data: Record<string, unknown> }> }
