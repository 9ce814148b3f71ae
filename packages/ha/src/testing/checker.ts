/**
 * What the model looks at by itself, whatever is done to it. It knows the whole truth and none of the code that it checks.
 *
 * I1 two engines never accept writes at the same time; I2 an epoch has one primary, epochs and fences never decrease; I3 no acknowledged
 * row is lost, but for those that a commit gave up within the limit and counted exactly; I4 an epoch begins with evidence that is
 * true, and nobody is promoted while another could be started as a primary; I9 no failover from an instance that works; I12
 * clients are led to nobody that was not seen to write in that epoch; I16 failovers keep to their limits.
 */
import { FLAP_WINDOW_MS } from '../failover/flap.ts';
import { settingsOf } from '../record/failover.ts';
import type { HaRecord } from '../record/record.ts';
import { ENTRY_BYTES, isPrefix, type ModelInstance } from './instance.ts';

/** How old what is acted on may be, in milliseconds. */
const NEWS_MS = 2_000;

export interface Checker {
  readonly violations: string[];
  readonly acknowledged: string[];
  /** Acknowledged rows that a commit gave up. */
  readonly givenUp: ReadonlySet<string>;
  /** Beginnings of failovers, on the model's clock. */
  readonly failovers: readonly number[];
  wrote(before: HaRecord, after: HaRecord): void;
  routed(id: string, epoch: number): void;
  wroteCanary(id: string, epoch: number): void;
  promotes(one: ModelInstance): void;
  looked(): void;
  lost(primary: ModelInstance): readonly string[];
}

export function createChecker(instances: ReadonlyMap<string, ModelInstance>, now: () => number): Checker {
  const violations: string[] = [];
  const acknowledged: string[] = [];
  const givenUp = new Set<string>();
  const failovers: number[] = [];
  const epochs = new Map<number, string>([[1, 'a']]);
  const verified = new Set<string>();
  const highest = new Map<string, number>();
  const all = [...instances.values()];
  const get = (id: string) => instances.get(id);
  const say = (text: string): void => {
    if (!violations.includes(text)) violations.push(text);
  };

  const acceptsWrites = (one: ModelInstance): boolean => (one.running && one.role === 'primary') || one.survivors;

  const begun = (after: HaRecord): void => {
    const { from } = after.switch ?? {};
    const unwellAt = get(from ?? '')?.unwellAt ?? 0;
    if (now() - unwellAt > NEWS_MS) say(`I9: a failover from ${from}, which was well`);
    const { minFailoverGapMs: gap, maxFailovers } = settingsOf(after);
    const at = now();
    const last = failovers.at(-1);
    if (last !== undefined && at - last < gap) say(`I16: failovers ${at - last} ms apart`);
    const recent = failovers.filter((one) => at - one < FLAP_WINDOW_MS).length + 1;
    if (recent > maxFailovers) say(`I16: ${recent} failovers within the window`);
    failovers.push(at);
  };

  const committed = (before: HaRecord, after: HaRecord): void => {
    const { switch: running, epoch, primary } = after;
    const from = get(running?.from ?? '');
    const proof = running?.evidence.find((one) => one.instanceId === from?.id && one.epoch === epoch);
    if (!from || !proof) {
      say(`I4: epoch ${epoch} began without evidence against ${before.primary}`);
      return;
    }
    if (from.id !== before.primary) say(`I4: evidence against ${from.id}, while ${before.primary} is the primary`);
    if (from.running || from.survivors || (from.fence ?? 0) < epoch)
      say(`I4: the evidence against ${from.id} for epoch ${epoch} is not true`);
    const origin = get(running?.origin ?? '');
    const to = get(primary);
    if (!origin || !to || to === origin) return;
    if (to === from) return;
    // What the model calls lost are entries of the one whose writes were acknowledged that its successor does not have.
    const missing = origin.log.filter((entry, i) => to.log[i] !== entry);
    const counted = running?.lostBytes ?? 0;
    if (!isPrefix(to.log, origin.log) && !isPrefix(origin.log, to.log))
      say(`I3: ${to.id} is elected, whose line is not that of ${origin.id}`);
    if (missing.length * ENTRY_BYTES !== counted)
      say(`I3: ${to.id} lacks ${missing.length * ENTRY_BYTES} bytes of ${origin.id}, the record says ${counted}`);
    if (counted > settingsOf(after).maxLossBytes) say(`I3: ${counted} bytes are given up, more than allowed`);
    if (counted > 0) for (const entry of missing) givenUp.add(entry);
  };

  return {
    violations,
    acknowledged,
    givenUp,
    failovers,
    wrote: (before, after) => {
      if (after.epoch < before.epoch) say(`I2: the epoch fell from ${before.epoch} to ${after.epoch}`);
      const known = epochs.get(after.epoch) ?? after.primary;
      epochs.set(after.epoch, known);
      if (known !== after.primary) say(`I2: epoch ${after.epoch} has the primaries ${known} and ${after.primary}`);
      if (after.epoch > before.epoch) committed(before, after);
      // One that a person asked for and that became a failover is no automatic one.
      if (after.switch?.kind === 'failover' && after.switch.id !== before.switch?.id) begun(after);
    },
    routed: (id, epoch) => {
      if (!verified.has(`${id} ${epoch}`))
        say(`I12: clients are led to ${id} in epoch ${epoch}, which was not verified`);
    },
    wroteCanary: (id, epoch) => {
      verified.add(`${id} ${epoch}`);
    },
    promotes: (one) => {
      for (const other of all) {
        if (other === one) continue;
        const couldStart = other.term.role === 'primary' && other.term.epoch >= (other.fence ?? 0);
        if (couldStart || acceptsWrites(other)) say(`I4: ${one.id} is promoted while ${other.id} could be a primary`);
      }
    },
    looked: () => {
      const [first, second] = all.filter(acceptsWrites);
      if (first && second) say(`I1: ${first.id} and ${second.id} accept writes at the same time`);
      for (const { id, fence = 0, term } of all) {
        for (const [what, value] of [
          ['fence', fence],
          ['term', term.epoch],
        ] as const) {
          const key = `${id} ${what}`;
          const before = highest.get(key) ?? 0;
          if (value < before) say(`I2: the ${what} of ${id} fell from ${before} to ${value}`);
          highest.set(key, Math.max(value, before));
        }
      }
    },
    lost: (primary) => {
      const there = new Set(primary.log);
      return acknowledged.filter((row) => !there.has(row) && !givenUp.has(row));
    },
  };
}
