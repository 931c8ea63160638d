// What the daemon tells, as it comes over /pawl/v1. Times are milliseconds since 1970; a missing one is absent.

export const STATUSES = [
  'RUNNING',
  'PENDING',
  'SUSPENDED',
  'STALLED',
  'COMPLETED',
  'FAILED',
  'TERMINATED',
  'CANCELED',
] as const;
export type Status = (typeof STATUSES)[number];

export const ENDED: ReadonlySet<Status> = new Set<Status>(['COMPLETED', 'FAILED', 'TERMINATED', 'CANCELED']);

export interface App {
  appId: string;
  namespace: string;
  version: string;
  ready: boolean;
  reason?: string;
  workers: number;
  readOnly: boolean;
  hidePayloads: boolean;
  stores: { name: string; type: string; workflows: boolean }[];
  at: number;
}

// A daemon that runs on this machine, as 'pawl dashboard' finds it.
export interface Found {
  appId: string;
  httpPort: number;
  grpcPort: number;
  workers: number; // -1: it does not say
  command: string;
  pid: number;
  started: number;
}

export interface Apps {
  apps: Found[];
  at: number;
}

export interface Row {
  id: string;
  name: string;
  status: Status;
  created: number;
  updated: number;
  ended?: number;
  parent?: string;
  customStatus?: string;
  failure?: string;
  tags?: Record<string, string>;
}

export interface List {
  rows: Row[];
  next?: string;
  looked?: number; // where the page ended before it was full: at least so many were looked at
  at: number;
}

export interface Counts {
  groups: { status: Status; name: string; n: number }[];
  next?: string; // more are to be counted, from here on
  looked?: number; // then: at least so many were looked at
  at: number;
}

export interface Failure {
  type: string;
  message: string;
  stack?: string;
  cause?: Failure;
}

export interface Wait {
  kind: 'activity' | 'child' | 'timer' | 'event' | 'retry' | 'turn';
  name: string;
  since: number;
  until?: number;
  attempt: number;
  error?: string;
  child?: string;
  lacksWorker?: boolean; // no worker that is connected has it
}

// Why several do not go on; null: there is no such one, or nothing is known. One that is missing was not looked at, and is to be asked for again.
export interface Sentences {
  sentences: Record<string, string | null>;
  at: number;
}

export interface Instance extends Row {
  version?: string;
  executionId?: string;
  started?: number;
  events: number;
  sentence: string; // what it does now, or how it ended
  waits: Wait[];
  input?: string;
  output?: string;
  failed?: Failure;
  stalled?: string;
}

// Rows of the timeline, one for each thing that the workflow did.
export type Kind = 'activity' | 'child' | 'timer' | 'event' | 'sent' | 'detached';
export type Outcome = 'open' | 'done' | 'failed' | 'dropped';
export type SegmentState = 'run' | 'fail' | 'wait';

export interface Segment {
  state: SegmentState;
  start: number;
  end?: number;
}

export interface Group {
  kind: Kind;
  name: string;
  outcome: Outcome;
  start: number;
  end?: number;
  attempts: number;
  events: number[]; // numbers of its events in the history
  child?: string; // its instance id
  app?: string; // the other app that does it
  segments: Segment[];
}

export interface Timeline {
  start: number;
  end?: number;
  groups: Group[];
  suspended: { start: number; end?: number }[];
  at: number;
}

// The same as the daemon tells it (timeline/columns.ts): |names| are told once, and texts are places in them; times count from |start|.
export interface Columns {
  start: number;
  end?: number;
  names: string[];
  columns: { kind: number[]; outcome: number[]; name: number[]; start: number[]; took: number[]; events: number[][] };
  more: Record<number, { attempts: number; segments: Segment[]; child?: string; app?: string }>; // of rows that the columns do not say all of
  suspended: { start: number; end?: number }[];
  at: number;
}

export interface HistoryEvent {
  number: number;
  id: number;
  at: number;
  type: string;
  name?: string;
  fields: Record<string, unknown>;
}

export interface History {
  events: HistoryEvent[];
  total: number;
  next?: number; // of the first that was not looked at
}

// The last hour in steps; -1: nothing is known, or there was none. Percentiles are microseconds.
export interface Past {
  step: number; // milliseconds
  times: number[];
  started: number[];
  completed: number[];
  failed: number[];
  terminated: number[];
  activities: number[];
  activitiesFailed: number[];
  running: number[];
  pending: number[];
  suspended: number[];
  stalled: number[];
  workflowP50: number[];
  workflowP95: number[];
  workflowP99: number[];
  activityP50: number[];
  activityP95: number[];
  activityP99: number[];
  beginP50: number[];
  beginP95: number[];
  beginP99: number[];
  at: number;
}

export interface Work {
  waiting: number;
  waitingForWorker: number;
  inFlight: number;
  oldestSeconds: number;
  given: number;
  lost: number;
}

export interface Numbers {
  turns: Work;
  activities: Work;
  heldTurns: number;
  failingSeconds: number;
  cpuSeconds: number;
  residentBytes: number;
  inMemory: number;
  asleep: number;
  batches: number;
  workflows: { name: string; ended: number; failed: number; seconds: number; turns: number; p95Seconds: number }[];
  at: number;
}

export interface LogLine {
  at: number;
  from: 'app' | 'daemon';
  text: string;
}

export interface Log {
  lines: LogLine[];
  next: number;
  missed: boolean; // lines have given way that were never told
  at: number;
}

export interface Worker {
  number: number;
  agent: string;
  dialect: string;
  since: number;
  paused: boolean;
  saysNames: boolean;
  foreign: boolean;
  inFlight: number;
  limit?: number;
  workflows: string[];
  activities: string[];
  items: { instance: string; kind: 'turn' | 'activity'; name: string; since: number }[];
  loop?: number; // of several; numbers are a loop's own
}

export interface Workers {
  workers: Worker[];
  waiting: { kind: 'workflow' | 'activity'; name: string; n: number; hasWorker: boolean }[];
  elsewhere: number;
  at: number;
}

export interface Stores {
  stores: {
    name: string;
    type: string;
    commits: number;
    commitP50: number;
    commitP99: number;
    nothing: number;
    unknown: number;
    refused: number;
    snapshots: number;
    failingSeconds: number;
    failing?: string;
    path?: string;
    bytes?: number;
    logBytes?: number;
  }[];
  shards: { number: number; state: string; epoch: number; position: number; lag: number; logBytes: number; inMemory: number; asleep: number; holder?: string }[];
  daemons: { id: string; address: string; workers: number; self: boolean; since: number; loop?: number }[];
  at: number;
}
