/** One instance of the model: an engine with its WAL, and what its agent remembers. */
import type { AgentPulse, EngineReport, Probe, Term, Upstream } from '@polarstack/contracts';

export const IDS = ['a', 'b', 'c'] as const;

export interface ModelInstance {
  readonly id: string;
  term: Term;
  fence: number | undefined;
  running: boolean;
  role: 'primary' | 'replica';
  cleanStop: boolean;
  timeline: number;
  /** The timeline that its control file tells: that of its last start or restart point. */
  noted: number;
  /** What it has written or received, in order. */
  log: readonly string[];
  /** How much of it a replica has replayed. */
  replayed: number;
  /** How long its log was at its last checkpoint. */
  checkpoint: number;
  /** When its engine was started, on the model's clock. */
  startedAt: number;
  /** The epoch in which its engine was started last. */
  startedEpoch: number;
  /** When its engine ended unasked, and how often it has; until it runs again. */
  died: { readonly at: number; readonly count: number } | undefined;
  deaths: number;
  stoppedByRequest: boolean;
  /** Since when its engine does nothing, though it lives. */
  hungSince: number | undefined;
  /** Since when its disk does nothing. */
  diskSince: number | undefined;
  /** Its agent and its engine do not answer. */
  down: boolean;
  /** When that ends by itself, on the model's clock. */
  downUntil: number;
  /** Received WAL stays where it is. */
  stuck: boolean;
  /** What its upstream writes does not reach it, though it is connected. */
  deaf: boolean;
  /** What its dead upstream had sent and it has not taken in yet; it looks connected until then. */
  pending: { readonly log: readonly string[]; readonly calls: number } | undefined;
  /** The engine ends at each promotion. */
  cannotPromote: boolean;
  /** The engine ends at each start. */
  cannotStart: boolean;
  /** A fence does not find out where the WAL ends. */
  hidesWalEnd: boolean;
  /** Processes of the engine that outlived its proof of death: a planted bug. */
  survivors: boolean;
  /** When its engine was last seen not to work, on the model's clock. */
  unwellAt: number;
}

export const upstreamOf = (primary: string, member: string): Upstream => ({
  instanceId: primary,
  host: '10.0.0.1',
  port: 5432,
  serverName: `pod-${primary}`,
  slot: `ins_${member}`,
});

export const createInstance = (id: string, startedAt: number): ModelInstance => ({
  id,
  term: id === 'a' ? { epoch: 1, role: 'primary' } : { epoch: 1, role: 'replica', upstream: upstreamOf('a', id) },
  fence: undefined,
  running: true,
  role: id === 'a' ? 'primary' : 'replica',
  cleanStop: false,
  timeline: 1,
  noted: 1,
  log: ['base'],
  replayed: 1,
  checkpoint: 1,
  startedAt,
  startedEpoch: 1,
  died: undefined,
  deaths: 0,
  stoppedByRequest: false,
  hungSince: undefined,
  diskSince: undefined,
  down: false,
  downUntil: Number.POSITIVE_INFINITY,
  stuck: false,
  deaf: false,
  pending: undefined,
  cannotPromote: false,
  cannotStart: false,
  hidesWalEnd: false,
  survivors: false,
  unwellAt: Number.NEGATIVE_INFINITY,
});

export const ENTRY_BYTES = 16;
/** Entries are 16 bytes long; the first begins at 16. */
export const lsn = (entries: number): string => `0/${((entries + 1) * ENTRY_BYTES).toString(16).toUpperCase()}`;

/** No entry is ever written twice: where two lines have the same one at the same place, all before it is the same. */
export const isPrefix = (part: readonly string[], whole: readonly string[]): boolean =>
  part.length <= whole.length && part.at(-1) === whole[part.length - 1];

const works: Probe = { ok: true, ms: 1, failingMs: 0 };
const failing = (since: number | undefined, now: number): Probe =>
  since === undefined ? works : { ok: false, ms: 0, failingMs: now - since, reason: 'no answer' };

/** What the agent of an instance pushes. `wall`: turns the model's time into a date. */
export function pulseOf(
  one: ModelInstance,
  report: EngineReport,
  now: number,
  wall: (ms: number) => string,
): AgentPulse {
  const { state, role, startedAt, systemId, timeline, lsn: at, receivedLsn, streaming } = report;
  const hangs = one.hungSince ?? one.diskSince;
  return {
    instanceId: one.id,
    agentStartedAt: wall(0),
    sequence: Math.round(now),
    bootId: 'boot',
    term: one.term,
    ...(one.fence === undefined ? {} : { fence: one.fence }),
    engine: {
      state,
      ...(role && { role }),
      ...(startedAt && { startedAt }),
      ...(systemId && { systemId }),
      ...(timeline && { timeline }),
      ...(at && { lsn: at }),
      ...(receivedLsn && { receivedLsn }),
      ...(streaming !== undefined && { streaming }),
      ...(one.died && { died: { count: one.died.count, how: 'killed', at: wall(one.died.at) } }),
      stoppedByRequest: one.stoppedByRequest,
    },
    probes: one.running
      ? {
          select: failing(hangs, now),
          ...(one.role === 'primary' && { canary: failing(hangs, now) }),
          disk: failing(one.diskSince, now),
        }
      : { disk: failing(one.diskSince, now) },
    at: wall(now),
  };
}
