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
  at: number;
}

export interface Counts {
  groups: { status: Status; name: string; n: number }[];
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
  segments: Segment[];
}

export interface Timeline {
  start: number;
  end?: number;
  groups: Group[];
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
}
