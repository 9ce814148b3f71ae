/**
 * The HA record: who is primary of one cluster, in which epoch, and what is being done about it.
 *
 * One small object for each cluster, changed only by compare-and-swap and only through the functions of this package. It is
 * the only authority on roles: the status, the services and the labels of pods follow it.
 *
 * Invariants (tests cite them):
 * - R1 The epoch never decreases, and each epoch has one primary, for ever.
 * - R2 The primary is a member.
 * - R3 Epoch and primary change only by a commit (S4) that carries evidence against the primary before.
 * - R4 What a newer version wrote is never written back by an older one: its schema is refused.
 * - R5 Lists are bounded: the record does not grow with the life of the cluster.
 */
import type { FenceEvidence } from '@polarstack/contracts';
import type { Candidate, Cause, FailoverEntry, HaSettings } from './failover.ts';

/** The version of the record's form that this program writes, and the newest that it reads. */
export const HA_SCHEMA = 1;

export interface HaMember {
  readonly pod: string;
  /** The node that its data lies on, where that is known. */
  readonly node?: string;
  /** Whether it may become primary. */
  readonly electable: boolean;
  readonly since: string;
}

/** An epoch: who was primary, and where its line of WAL leaves that of its parent. */
export interface EpochEntry {
  readonly epoch: number;
  readonly primary: string;
  /** The epoch before; absent for the first. */
  readonly parent?: number;
  /** The timeline that the parent's WAL is on, and where this epoch's leaves it; absent where the same instance went on. */
  readonly parentTimeline?: number;
  readonly forkLsn?: string;
  /** How many bytes of the parent's WAL were given up; absent where none. Another member may have them, and must be rewound. */
  readonly lostBytes?: number;
  readonly at: string;
}

/** Why something did not happen, or waits: a code of the error table and what a person can do. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

export interface SwitchRequest {
  /** Given by the asker; the same id again is the same request. */
  readonly id: string;
  readonly kind: 'switchover';
  /** Instance id; absent: the best replica. */
  readonly target?: string;
  readonly reason: string;
  readonly requester: string;
  readonly at: string;
  /** After this the switch is not begun any more. */
  readonly deadline: string;
}

/** Evidence that an instance acknowledges nothing any more. */
export type Evidence = { readonly kind: 'F1' } & FenceEvidence;

/**
 * What is under way. A state is recorded before its effects begin: S1 the target is prepared, S2 the old primary is being stopped
 * (and can be resumed), S3 the new epoch was sent and there is no way back to the old one, S5 committed and being promoted, S6 its
 * writing is verified, S7 routed, S8 the other replicas follow, S9 the old primary comes back. S0, S4 and S10 are writes.
 */
export const switchSteps = ['S1', 'S2', 'S3', 'S5', 'S6', 'S7', 'S8', 'S9'] as const;
export type SwitchStep = (typeof switchSteps)[number];
export type StepTime = SwitchStep | 'S0' | 'S4' | 'S10';

/**
 * A failover begins at S3: nothing of the old primary can be prepared or stopped in order. A switchover whose old primary fails in
 * S2 becomes one.
 */
export const switchKinds = ['switchover', 'failover'] as const;
export type SwitchKind = (typeof switchKinds)[number];

export interface Switch {
  readonly id: string;
  readonly kind: SwitchKind;
  readonly step: SwitchStep;
  /** Against whom evidence is needed. */
  readonly from: string;
  /** Who takes over; `from` itself where it goes on in the new epoch. */
  readonly to: string;
  /** The epoch that this switch ends in. */
  readonly epoch: number;
  /** The epoch that the members follow until S8; absent in what older versions wrote. */
  readonly base?: number;
  /** Primary when the switch was asked for. */
  readonly origin: string;
  /** Who was to take over at first. */
  readonly chosen: string;
  readonly reason: string;
  readonly requester: string;
  readonly deadline: string;
  /** The newest last, and the newest of each instance only. */
  readonly evidence: readonly Evidence[];
  /** When each step was recorded. */
  readonly times: Readonly<Partial<Record<StepTime, string>>>;
  /** Only of a failover. */
  readonly cause?: Cause;
  /** How the members stood in the last election; at most 32. */
  readonly candidates?: readonly Candidate[];
  /** How many bytes of the old primary's WAL its successor lacks; set by each commit. */
  readonly lostBytes?: number;
  /** Only in S2: it is being taken back, and why. */
  readonly withdrawn?: Trouble & { readonly since?: string };
  /** Why somebody else than the chosen one takes over. */
  readonly turned?: Trouble;
  /** What the present step waits for. */
  readonly trouble?: Trouble & { readonly since: string };
}

export interface SwitchResult {
  readonly id: string;
  /** Absent in what older versions wrote, which knew switchovers only. */
  readonly kind?: SwitchKind;
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly code?: string;
  readonly message?: string;
  readonly remedy?: string;
  readonly epoch?: number;
  readonly from?: string;
  readonly to?: string;
  /**
   * From the moment the stop of the old primary (a failover: the intent) was recorded until the rw service led to the new one, in
   * milliseconds.
   */
  readonly pauseMs?: number;
  /** By instance id: what is not well with a member yet; it is seen to by itself. */
  readonly left?: Readonly<Record<string, string>>;
  readonly times?: Readonly<Partial<Record<StepTime, string>>>;
  readonly cause?: Cause;
  readonly evidence?: readonly Evidence[];
  readonly candidates?: readonly Candidate[];
  readonly lostBytes?: number;
  readonly at: string;
}

export interface HaRecord {
  readonly schema: typeof HA_SCHEMA;
  readonly cluster: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly epoch: number;
  /** Instance id. */
  readonly primary: string;
  /** By instance id. */
  readonly members: Readonly<Record<string, HaMember>>;
  /** The newest last; at most {@link EPOCHS_KEPT}. */
  readonly epochs: readonly EpochEntry[];
  readonly request?: SwitchRequest;
  readonly switch?: Switch;
  /** The newest last; at most {@link RESULTS_KEPT}. */
  readonly results: readonly SwitchResult[];
  readonly settings?: HaSettings;
  /** Those that were carried out, the newest last; at most 20. */
  readonly failovers?: readonly FailoverEntry[];
}

export const EPOCHS_KEPT = 50;
export const RESULTS_KEPT = 20;

export interface NewRecord {
  readonly cluster: HaRecord['cluster'];
  /** Default: 1, a new cluster. */
  readonly epoch?: number;
  readonly primary: string;
  /** Instance id -> name of its pod. */
  readonly pods: Readonly<Record<string, string>>;
  readonly now: Date;
}

/** The record of a cluster whose primary was decided by whoever makes the cluster. */
export function newRecord({ cluster, epoch = 1, primary, pods, now }: NewRecord): HaRecord {
  const at = now.toISOString();
  if (pods[primary] === undefined) throw new TypeError(`the primary ${primary} is none of the members`);
  return {
    schema: HA_SCHEMA,
    cluster,
    epoch,
    primary,
    members: Object.fromEntries(Object.entries(pods).map(([id, pod]) => [id, { pod, electable: true, since: at }])),
    epochs: [{ epoch, primary, at }],
    results: [],
  };
}

/** A copy without some of its optional fields. */
export function without<T extends object, K extends keyof T>(value: T, ...keys: readonly K[]): Omit<T, K> {
  const copy = { ...value };
  for (const key of keys) delete copy[key];
  return copy;
}

/** The record with a result at its end, and with neither the switch nor the request that it answers. */
export function withResult(record: HaRecord, result: SwitchResult): HaRecord {
  const results = [...record.results.filter(({ id }) => id !== result.id), result].slice(-RESULTS_KEPT);
  const { request, switch: running, ...rest } = record;
  return {
    ...rest,
    ...(request && request.id !== result.id ? { request } : {}),
    ...(running && running.id !== result.id ? { switch: running } : {}),
    results,
  };
}

/** What became of a request; undefined while it is not decided, or is not known (any more). */
export function resultOf(record: Pick<HaRecord, 'results'>, id: string): SwitchResult | undefined {
  return record.results.find((result) => result.id === id);
}
