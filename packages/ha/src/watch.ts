/** Work that gives way as soon as the pulses say that the primary has failed. */
import type { Clock } from '@polarstack/base';
import { linkSignals } from '@polarstack/base';
import { type Suspicion, suspect } from './failover/suspicion.ts';
import type { Pulses } from './failover/verdict.ts';
import type { HaRecord } from './record/record.ts';

export interface Watch {
  /** The newest pulse of each member, by the same clock; undefined where nobody listens to any. */
  readonly pulses: (() => Pulses) | undefined;
  /** Resolves at the next pulse of any member; where it is not given, pulses are looked at every 100 ms. */
  readonly pulsed?: ((signal: AbortSignal) => Promise<void>) | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const WATCH_MS = 100;
const noPulses: Pulses = new Map();

export const suspectNow = (record: HaRecord, { pulses, clock }: Pick<Watch, 'pulses' | 'clock'>): Suspicion =>
  suspect(record, pulses?.() ?? noPulses, { now: clock.now(), monotonic: clock.monotonic() });

/** What the work answers, or the suspicion for which it was given up. Throws what the work throws. */
export async function unlessSuspected<T>(
  record: HaRecord,
  watch: Watch,
  acts: (suspicion: Suspicion) => boolean,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<{ readonly answer: T } | { readonly suspicion: Suspicion }> {
  if (watch.pulses === undefined) return { answer: await work(watch.signal) };
  const inner = linkSignals([watch.signal]);
  let over = false;
  let found: Suspicion | undefined;
  const look = async (): Promise<void> => {
    while (!over) {
      await (watch.pulsed?.(inner.signal) ?? watch.clock.sleep(WATCH_MS, inner.signal));
      const suspicion = suspectNow(record, watch);
      if (over || !acts(suspicion)) continue;
      found = suspicion;
      inner.end(new Error('the primary has failed'));
    }
  };
  const looking = look().catch(() => undefined);
  try {
    return { answer: await work(inner.signal) };
  } catch (error) {
    watch.signal.throwIfAborted();
    if (found === undefined) throw error;
    return { suspicion: found };
  } finally {
    over = true;
    inner.end();
    await looking;
  }
}
