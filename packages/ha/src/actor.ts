/**
 * The one who carries out what a cluster's record asks for, and what the pulses of its agents make necessary. One for each cluster;
 * nothing is shared between clusters.
 *
 * Invariants (tests cite them):
 * - A1 A state is in the record before its effects begin; what an effect answered is in the record before the next one begins.
 * - A2 Nothing is remembered beside the record: whoever starts anew with it comes to the same end.
 * - A3 A write that lost a race is decided anew on what is there now, and dropped where that has moved on.
 * - A4 Between a pulse that tells of a failure and the fence lies one write of the record and nothing else: what may wait gives way.
 */
import { type Backoff, backoffDelay, type Clock, isStackError, type Logger } from '@polarstack/base';
import { carryOut } from './effects/carry-out.ts';
import type { EffectContext } from './effects/context.ts';
import { type Convergence, converge } from './effects/converge.ts';
import type { SwitchPorts } from './effects/ports.ts';
import type { Suspicion } from './failover/suspicion.ts';
import { isFailure, type Pulses } from './failover/verdict.ts';
import type { HaRecord, SwitchStep } from './record/record.ts';
import { settleRequest } from './record/request.ts';
import { advance, nextAction } from './switch/advance.ts';
import type { SwitchAction, SwitchEvent } from './switch/events.ts';
import { suspectNow, unlessSuspected } from './watch.ts';

export interface StoredRecord {
  readonly record: HaRecord;
  /** What a write must find unchanged. */
  readonly version: string;
}

export interface RecordStore {
  /** Asks whoever keeps it; undefined where there is none. */
  read(signal: AbortSignal): Promise<StoredRecord | undefined>;
  /** Throws `Conflict` where it was changed since. */
  write(stored: StoredRecord, next: HaRecord, signal: AbortSignal): Promise<StoredRecord>;
}

export interface ActorOptions {
  readonly store: RecordStore;
  readonly ports: SwitchPorts;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly signal: AbortSignal;
  /** The newest pulse of each member, received by the monotonic time of `clock`. Default: none, and so no failover. */
  readonly pulses?: () => Pulses;
  /** Resolves at the next pulse of any member. Default: pulses are looked at every 100 ms while something else is done. */
  readonly pulsed?: (signal: AbortSignal) => Promise<void>;
  /** The record as it is known already: the first write is tried on it, and a read is saved. */
  readonly known?: StoredRecord;
  /** Told of each change of the record that this actor wrote. */
  readonly onWrite?: (before: HaRecord, after: HaRecord) => void;
}

/** What a pass found where nothing was left to do. */
export interface Tended extends Convergence {
  /** What the pulses say of the primary, and which guard keeps it from a failover where they speak of a failure. */
  readonly suspicion: Suspicion;
}

const again: Backoff = { baseMs: 100, maxMs: 2_000 };

/** States whose effects may be given up for a failure of the primary. Between them the switch itself sees to it. */
const YIELDING: readonly SwitchStep[] = ['S1', 'S2', 'S8', 'S9'];

/**
 * Carries out what is under way until nothing is, then sees to the members. Answers what it found of them; undefined where there
 * is no record. Throws what the store or the signal throws.
 */
export async function tend(options: ActorOptions): Promise<Tended | undefined> {
  const { store, ports, clock, log, signal, pulses, pulsed } = options;
  const watch = { pulses, pulsed, clock, signal };
  const contextOf = (inner: AbortSignal): EffectContext => ({ ports, clock, signal: inner });
  let stored = options.known ?? (await store.read(signal));
  for (let failures = 0; stored !== undefined; ) {
    const settled = settleRequest(stored.record, clock.now());
    if (settled !== stored.record) {
      stored = await writeOrRead(options, stored, settled);
      continue;
    }
    const { record }: StoredRecord = stored;
    const suspicion = suspectNow(record, watch);
    if (record.switch === undefined && suspicion.acts) {
      const next = await apply(options, stored, { kind: 'suspected', judgement: suspicion.judgement });
      if (next?.record !== record) {
        stored = next;
        continue;
      }
    }
    const action = nextAction(record);
    if (action === undefined) {
      const seen = await unlessSuspected(
        record,
        watch,
        ({ acts }) => acts && !suspicion.acts,
        async (inner) => await converge(record, contextOf(inner)),
      );
      if ('suspicion' in seen) continue;
      for (const text of seen.answer.done) log.info({ cluster: record.cluster.name }, text);
      return { ...seen.answer, suspicion: suspectNow(record, watch) };
    }
    const event = await carryOutOrYield(record, action, watch, contextOf);
    const next: StoredRecord | undefined = await apply(options, stored, event);
    if (next?.record !== record) failures = 0;
    else await clock.sleep(backoffDelay(again, failures++), signal);
    stored = next;
  }
  return undefined;
}

async function carryOutOrYield(
  record: HaRecord,
  action: SwitchAction,
  watch: Parameters<typeof unlessSuspected>[1],
  contextOf: (inner: AbortSignal) => EffectContext,
): Promise<SwitchEvent> {
  const step = record.switch?.step;
  if (step === undefined || !YIELDING.includes(step)) return await carryOut(record, action, contextOf(watch.signal));
  const moves = ({ judgement, acts }: Suspicion): boolean => {
    if (!isFailure(judgement.verdict) || (step !== 'S2' && !acts)) return false;
    // Only what would change the record is worth giving up for.
    return advance(record, { kind: 'suspected', judgement }, watch.clock.now()).record !== record;
  };
  const seen = await unlessSuspected(
    record,
    watch,
    moves,
    async (inner) => await carryOut(record, action, contextOf(inner)),
  );
  return 'answer' in seen ? seen.answer : { kind: 'suspected', judgement: seen.suspicion.judgement };
}

/** Writes what the event makes of the record, of whatever record there is by then (A3). */
async function apply(
  options: ActorOptions,
  before: StoredRecord,
  event: SwitchEvent,
): Promise<StoredRecord | undefined> {
  const { store, clock, log, signal } = options;
  let stored: StoredRecord | undefined = before;
  while (stored !== undefined) {
    const { record, reasons } = advance(stored.record, event, clock.now());
    const of = { cluster: record.cluster.name, switch: switchOf(record) ?? switchOf(stored.record) };
    for (const { guard, holds, text } of reasons) log.info({ ...of, guard, holds }, text);
    if (event.kind === 'failed') log.warn({ ...of, step: event.of.step }, event.trouble.message);
    if (record === stored.record) return stored;
    try {
      return await write(options, stored, record);
    } catch (error) {
      if (!isStackError(error, 'Conflict')) throw error;
      stored = await store.read(signal);
    }
  }
  return undefined;
}

const switchOf = ({ switch: running, request }: HaRecord): string | undefined => running?.id ?? request?.id;

/** A write that decides nothing new; where it lost a race, what is there now. */
async function writeOrRead(
  options: ActorOptions,
  stored: StoredRecord,
  next: HaRecord,
): Promise<StoredRecord | undefined> {
  try {
    return await write(options, stored, next);
  } catch (error) {
    if (!isStackError(error, 'Conflict')) throw error;
    return await options.store.read(options.signal);
  }
}

async function write(options: ActorOptions, stored: StoredRecord, next: HaRecord): Promise<StoredRecord> {
  const { store, log, signal, onWrite } = options;
  const written = await store.write(stored, next, signal);
  const { switch: running, epoch, primary, cluster, results } = next;
  const result = running === undefined ? results.at(-1) : undefined;
  const { id, kind, step, from, to } = running ?? {};
  const what = running
    ? { switch: id, kind, step, from, to }
    : {
        ...(result && {
          switch: result.id,
          kind: result.kind,
          outcome: result.outcome,
          code: result.code,
          pauseMs: result.pauseMs,
          lostBytes: result.lostBytes,
        }),
      };
  log.info({ cluster: cluster.name, epoch, primary, ...what }, running ? 'switch' : 'switch ended');
  onWrite?.(stored.record, next);
  return written;
}

/** The pause before a pass that failed is tried again, in milliseconds. */
export const pauseAfter = (failures: number): number => backoffDelay(again, failures);
