/**
 * The one who carries out what a cluster's record asks for. One for each cluster; nothing is shared between clusters.
 *
 * Invariants (tests cite them):
 * - A1 A state is in the record before its effects begin; what an effect answered is in the record before the next one begins.
 * - A2 Nothing is remembered beside the record: whoever starts anew with it comes to the same end.
 * - A3 A write that lost a race is decided anew on what is there now, and dropped where that has moved on.
 */
import { type Backoff, backoffDelay, type Clock, isStackError, type Logger } from '@polarstack/base';
import { carryOut } from './effects/carry-out.ts';
import { type Convergence, converge } from './effects/converge.ts';
import type { SwitchPorts } from './effects/ports.ts';
import type { HaRecord } from './record/record.ts';
import { settleRequest } from './record/request.ts';
import { advance, nextAction } from './switch/advance.ts';
import type { SwitchEvent } from './switch/events.ts';

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
  /** Told of each change of the record that this actor wrote. */
  readonly onWrite?: (before: HaRecord, after: HaRecord) => void;
}

const again: Backoff = { baseMs: 100, maxMs: 2_000 };

/**
 * Carries out what is under way until nothing is, then sees to the members. Answers what it found of them; undefined where there
 * is no record. Throws what the store or the signal throws.
 */
export async function tend(options: ActorOptions): Promise<Convergence | undefined> {
  const { store, ports, clock, log, signal } = options;
  const context = { ports, clock, signal };
  let stored = await store.read(signal);
  for (let failures = 0; stored !== undefined; ) {
    const settled = settleRequest(stored.record, clock.now());
    const before: StoredRecord = settled === stored.record ? stored : await write(options, stored, settled);
    const action = nextAction(before.record);
    if (action === undefined) {
      const seen = await converge(before.record, context);
      for (const text of seen.done) log.info({ cluster: before.record.cluster.name }, text);
      return seen;
    }
    const event = await carryOut(before.record, action, context);
    stored = await apply(options, before, event);
    if (stored?.record !== before.record) failures = 0;
    else await clock.sleep(backoffDelay(again, failures++), signal);
  }
  return undefined;
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
    for (const { guard, holds, text } of reasons)
      log.info({ cluster: record.cluster.name, switch: switchOf(stored.record), guard, holds }, text);
    if (event.kind === 'failed')
      log.warn({ cluster: record.cluster.name, switch: event.of.id, step: event.of.step }, event.trouble.message);
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

async function write(options: ActorOptions, stored: StoredRecord, next: HaRecord): Promise<StoredRecord> {
  const { store, log, signal, onWrite } = options;
  const written = await store.write(stored, next, signal);
  const { switch: running, epoch, primary, cluster, results } = next;
  const result = running === undefined ? results.at(-1) : undefined;
  const what = running
    ? { switch: running.id, step: running.step, from: running.from, to: running.to }
    : { ...(result && { switch: result.id, outcome: result.outcome, code: result.code, pauseMs: result.pauseMs }) };
  log.info({ cluster: cluster.name, epoch, primary, ...what }, running ? 'switch' : 'switch ended');
  onWrite?.(stored.record, next);
  return written;
}

/** The pause before a pass that failed is tried again, in milliseconds. */
export const pauseAfter = (failures: number): number => backoffDelay(again, failures);
