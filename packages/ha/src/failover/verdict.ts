/**
 * What the pulses of a cluster's agents say about its primary. Pure; decides nothing and knows no history.
 *
 * Invariants (tests cite them):
 * - V-A (I9) Silence is never a failure: only what a fresh pulse of the primary's own agent says, in the record's epoch, can be one.
 * - V-B (I9) A full table of connections, a lock, a slow commit, a start, a stop by request, a task and the failure of a replica are none.
 * - V-C (I4) A verdict is a suspicion. What it leads to begins with a fence, and promotes on its evidence alone.
 * - V-D A disk that fails everywhere is a storage outage, which no failover mends.
 */
import type { AgentPulse, Probe } from '@polarstack/contracts';
import { type Candidate, type FailureVerdict, type Reason, type Signal, shortened } from '../record/failover.ts';
import type { HaRecord } from '../record/record.ts';
import { failing, reason } from '../switch/checks.ts';
import { candidateGuards, type Line, standOf } from './candidates.ts';

/** The newest pulse of a member, and when it was received on the observer's monotonic clock, in milliseconds. */
export interface SeenPulse {
  readonly pulse: AgentPulse;
  readonly receivedAt: number;
}

/** By instance id. */
export type Pulses = ReadonlyMap<string, SeenPulse>;

/**
 * `silent`: the newest pulse is old. `unknown`: there is none, or none of this epoch. `away`: stopped by request, or a task runs.
 * `starting`: it starts or recovers, within its time. `busy`, `slow` and `storage` (the disks of all fail) are alarms.
 */
export type Verdict =
  | FailureVerdict
  | 'well'
  | 'busy'
  | 'slow'
  | 'storage'
  | 'starting'
  | 'away'
  | 'silent'
  | 'unknown';

export interface Judgement {
  readonly verdict: Verdict;
  /** The primary that it is about, and its epoch. */
  readonly instance: string;
  readonly epoch: number;
  /** Every guard that was looked at, in order. */
  readonly reasons: readonly Reason[];
  readonly signals: readonly Signal[];
  /** The other members, as their pulses tell. */
  readonly candidates: readonly Candidate[];
}

/** A pulse older than this says nothing any more, in milliseconds: three are missing. */
export const SILENT_MS = 1_500;
/** Probes that fail for this long are a fault, in milliseconds. */
export const FAULT_MS = 3_000;
/** A canary slower than this is an alarm, in milliseconds. */
export const SLOW_MS = 1_000;
/** How long an engine that died may recover in place before somebody else is preferred, in milliseconds. */
export const LOCAL_RECOVERY_MS = 3_000;

const TOO_MANY = /too many clients|remaining connection slots|53300/i;

const isFault = (probe: Probe | undefined): boolean => probe !== undefined && !probe.ok && probe.failingMs >= FAULT_MS;
const fails = ({ failingMs, reason: why }: Probe): string => `has failed for ${failingMs} ms${why ? `: ${why}` : ''}`;

/** A time as the record has them; what an agent wrote may be anything. */
const timeOf = (text: string): string => {
  const ms = Date.parse(text);
  return new Date(Number.isNaN(ms) ? 0 : ms).toISOString();
};

function signalsOf({ engine, probes, at }: AgentPulse): readonly Signal[] {
  const { died } = engine;
  const of = (what: string, name: string, probe: Probe | undefined): readonly Signal[] =>
    probe && !probe.ok ? [{ what, text: shortened(`${name} ${fails(probe)}`), at: timeOf(at) }] : [];
  return [
    ...(died ? [{ what: 'E1', text: shortened(`the engine ended: ${died.how}`), at: timeOf(died.at) }] : []),
    ...of('E2', 'a select', probes.select),
    ...of('E3', 'writing a row', probes.canary),
    ...of('E4', 'writing to the disk', probes.disk),
  ];
}

/** The members beside the primary, as their pulses tell. */
function candidatesOf(record: HaRecord, pulses: Pulses, now: number): readonly Candidate[] {
  const primary = pulses.get(record.primary)?.pulse.engine;
  const heard = [...pulses.values()].map(({ pulse }) => pulse.engine);
  const others = Object.keys(record.members).filter((id) => id !== record.primary);
  return others.map((id) => {
    const seen = pulses.get(id);
    const fresh = seen !== undefined && now - seen.receivedAt <= SILENT_MS ? seen.pulse : undefined;
    // An engine that ended may tell neither: what the others have in common with it is then found out by the election.
    const line: Line = {
      primary: record.primary,
      epoch: record.epoch,
      systemId: primary?.systemId ?? fresh?.engine.systemId,
      timeline: primary?.timeline ?? Math.max(0, ...heard.map(({ timeline = 0 }) => timeline)),
    };
    const guards = [
      ...candidateGuards(record, id, fresh, line, seen ? 'its pulses stopped' : 'no pulse of it has come'),
      ...(fresh
        ? [reason('K9-disk', !isFault(fresh.probes.disk), 'its disk works', `the disk of ${id} fails too`)]
        : []),
    ];
    return standOf(id, fresh, guards);
  });
}

/** `now`: the observer's monotonic clock, in milliseconds. */
export function judge(record: HaRecord, pulses: Pulses, now: number): Judgement {
  const { primary, epoch } = record;
  const seen = pulses.get(primary);
  const candidates = candidatesOf(record, pulses, now);
  const { verdict, reasons } = look(record, seen, candidates, now);
  return {
    verdict,
    instance: primary,
    epoch,
    reasons,
    signals: seen ? signalsOf(seen.pulse) : [],
    candidates,
  };
}

type Look = Pick<Judgement, 'verdict' | 'reasons'>;

function look(
  { primary, epoch }: HaRecord,
  seen: SeenPulse | undefined,
  candidates: readonly Candidate[],
  now: number,
): Look {
  if (!seen) {
    return {
      verdict: 'unknown',
      reasons: [reason('V1-heard', false, '', `no pulse of primary ${primary} has come yet`)],
    };
  }
  const { pulse } = seen;
  const { term, engine, task, probes } = pulse;
  const age = Math.max(0, now - seen.receivedAt);
  const reasons: Reason[] = [];
  const holds = (...more: readonly Reason[]): boolean => {
    reasons.push(...more);
    return failing(more) === undefined;
  };
  const is = (verdict: Verdict): Look => ({ verdict, reasons });

  const heard = reason(
    'V1-heard',
    age <= SILENT_MS,
    `the agent of primary ${primary} is heard`,
    `the agent of primary ${primary} has been silent for ${Math.round(age)} ms`,
  );
  if (!holds(heard)) return is('silent');
  const inEpoch = reason(
    'V2-of-this-epoch',
    term?.role === 'primary' && term.epoch === epoch,
    `${primary} is the primary of epoch ${epoch}`,
    `the agent of ${primary} is ${term?.role ?? 'nothing'} in epoch ${term?.epoch ?? 0}, the record says primary in ${epoch}`,
  );
  if (!holds(inEpoch)) return is('unknown');
  const unasked = reason(
    'V3-not-by-request',
    engine.stoppedByRequest !== true && task === undefined,
    `nobody has stopped the engine of ${primary}, and no task runs there`,
    task ? `task ${task.kind} (${task.id}) runs at ${primary}` : `the engine of ${primary} was stopped by request`,
  );
  if (!holds(unasked)) return is('away');

  const { died } = engine;
  const lives = reason(
    'V4-engine-lives',
    died === undefined,
    `the engine of ${primary} lives`,
    `the engine of ${primary} ended: ${died?.how}`,
  );
  if (!holds(lives) && died) {
    const recovers = Date.parse(pulse.at) - Date.parse(died.at);
    const inTime = engine.state === 'starting' && recovers < LOCAL_RECOVERY_MS;
    const recovery = reason(
      'V5-recovers-in-place',
      inTime,
      `it recovers in place since ${Math.max(0, recovers)} ms`,
      engine.state === 'starting'
        ? `it has been recovering for ${recovers} ms`
        : `it is ${engine.state}, and nobody starts it`,
    );
    return is(holds(recovery) ? 'starting' : 'dead');
  }
  const runs = reason(
    'V6-not-starting',
    engine.state === 'running' || engine.state === 'failed',
    `the engine of ${primary} does not start just now`,
    `the engine of ${primary} is ${engine.state}`,
  );
  if (!holds(runs)) return is('starting');

  const { select, canary, disk } = probes;
  const crowded = [select, canary].some((probe) => probe && !probe.ok && TOO_MANY.test(probe.reason ?? ''));
  if (!holds(reason('V7-connections', !crowded, 'it has connections left', `${primary} has no connection left`)))
    return is('busy');

  if (
    !holds(
      reason(
        'V8-disk',
        !isFault(disk),
        `the disk of ${primary} does not fail`,
        `the disk of ${primary} ${disk && fails(disk)}`,
      ),
    )
  ) {
    // Who is a candidate has a disk that works.
    const elsewhere = reason(
      'V9-disk-elsewhere',
      candidates.some(({ guard }) => guard === undefined),
      'the disk of a candidate works',
      'no candidate has a disk that works: the storage is out for everybody',
    );
    return is(holds(elsewhere) ? 'disk' : 'storage');
  }
  // Reading and writing both: a lock can keep a row, not a select.
  const answers = [
    reason(
      'V10-select',
      !isFault(select),
      `${primary} answers a select`,
      `at ${primary} a select ${select && fails(select)}`,
    ),
    reason(
      'V11-canary',
      !isFault(canary),
      `${primary} commits a row`,
      `at ${primary} writing a row ${canary && fails(canary)}`,
    ),
  ];
  holds(...answers);
  if (isFault(select) && isFault(canary)) {
    const alone = reason(
      'V12-disk-works',
      disk?.ok === true,
      `its disk works: the engine hangs`,
      `whether its disk works is not known`,
    );
    return is(holds(alone) ? 'hung' : 'slow');
  }
  const late = [select, canary].some((probe) => probe && (probe.ms > SLOW_MS || probe.failingMs > SLOW_MS));
  return is(late || isFault(select) || isFault(canary) ? 'slow' : 'well');
}

export const isFailure = (verdict: Verdict): verdict is FailureVerdict =>
  verdict === 'dead' || verdict === 'hung' || verdict === 'disk';
