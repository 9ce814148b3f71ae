import { systemClock, toStackError } from '@polarstack/base';
import type { Probe } from '@polarstack/contracts';
import { probeReason } from './trouble.ts';

export interface ProbeLoop {
  /** Undefined where there is nothing to look at, or no look has ended yet and the first is not late. */
  readonly state: Probe | undefined;
  /** What was looked at is gone: nothing that was seen of it, or is still to be seen of it, counts. */
  forget(): void;
  /** Looks until the signal ends it. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ProbeOptions {
  readonly periodMs: number;
  /** A look that takes longer counts as failing from its begin on, though it may still come to a good end. */
  readonly lateMs: number;
  /** Whether there is something to look at. */
  readonly applies: () => boolean;
  readonly look: (signal: AbortSignal) => Promise<void>;
  /** Called when `ok` changes. */
  readonly onChange: () => void;
}

interface Ended {
  readonly ms: number;
  /** Where it failed: what it said, and when the first of the failing ones began. */
  readonly failed?: { readonly reason: string; readonly since: number };
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;

/** One kind of look, one after the other: however long one takes, there is never a second of its kind, and no other kind waits. */
export function createProbe({ periodMs, lateMs, applies, look, onChange }: ProbeOptions): ProbeLoop {
  let ended: Ended | undefined;
  let begun: number | undefined;
  let forgotten = 0;

  const once = async (signal: AbortSignal): Promise<void> => {
    const started = systemClock.monotonic();
    const before = ended;
    const generation = forgotten;
    begun = started;
    let failed: Ended['failed'];
    try {
      await look(signal);
    } catch (error) {
      signal.throwIfAborted();
      failed = { reason: probeReason(toStackError(error)), since: before?.failed?.since ?? started };
    }
    if (generation !== forgotten) return;
    begun = undefined;
    ended = { ms: systemClock.monotonic() - started, ...(failed ? { failed } : {}) };
    if ((before?.failed === undefined) !== (failed === undefined)) onChange();
  };

  const forget = (): void => {
    forgotten++;
    ended = undefined;
    begun = undefined;
  };

  return {
    forget,
    get state() {
      const now = systemClock.monotonic();
      const lateSince = begun !== undefined && now - begun > lateMs ? begun : undefined;
      const ms = tenths(ended?.ms ?? 0);
      if (ended?.failed) {
        const { reason, since } = ended.failed;
        return { ok: false, ms, failingMs: Math.round(now - since), reason };
      }
      if (lateSince !== undefined)
        return { ok: false, ms, failingMs: Math.round(now - lateSince), reason: 'no answer: the look has not ended' };
      return ended && { ok: true, ms, failingMs: 0 };
    },
    run: async (signal) => {
      try {
        while (!signal.aborted) {
          const due = systemClock.monotonic() + periodMs;
          if (applies()) await once(signal);
          else forget();
          await systemClock.sleep(Math.max(0, due - systemClock.monotonic()), signal);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        forget();
      }
    },
  };
}
