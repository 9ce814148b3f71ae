/**
 * Decides what of the events that a program records is written, so that a loop that goes wrong fills neither the API
 * server nor the screen of who looks. Pure: time comes in as an argument, in milliseconds of a monotonic clock.
 *
 * Invariants (tests cite them):
 * - A1 Of similar events (same object, source, type and reason) with different messages the first ten are written as they
 *   are; while no ten minutes pass between two of them, further messages become one combined event.
 * - A2 Of one source about one object no more are written than a bucket of tokens allows; what is held back is counted
 *   and comes with the next of the same event that is written.
 * - A3 Memory is bounded: what was not heard of for longest is forgotten first.
 */

export interface CorrelatorOptions {
  /** Different messages before they are combined. Default 10. */
  readonly combineAfter?: number;
  /** Pause after which the count of messages starts afresh. Default 10 minutes. */
  readonly combineWithinMs?: number;
  /** Events about one object that may come at once. Default 50: a large change tells more than Kubernetes' 25. */
  readonly burst?: number;
  /** One more is allowed each so often. Default a minute. */
  readonly refillMs?: number;
  /** How many objects and kinds of events are remembered. Default 4096 each. */
  readonly maxKeys?: number;
}

export interface Correlated {
  /** Further messages of this kind are told as one event. */
  readonly isCombined: boolean;
  /** How many are to be written with this one; 0 holds it back. */
  readonly count: number;
}

export interface EventCorrelator {
  /** `source`: who speaks about which object; `kind`: that, type and reason. */
  hear(event: { readonly source: string; readonly kind: string; readonly message: string }, now: number): Correlated;
}

export function createEventCorrelator(options: CorrelatorOptions = {}): EventCorrelator {
  const { combineAfter = 10, combineWithinMs = 600_000, burst = 50, refillMs = 60_000, maxKeys = 4_096 } = options;
  const similar = createRecent<{ readonly messages: Set<string>; lastAt: number }>(maxKeys);
  const buckets = createRecent<{ tokens: number; at: number }>(maxKeys);
  const held = createRecent<number>(maxKeys);

  function isCombined(kind: string, message: string, now: number): boolean {
    const known = similar.get(kind);
    const record =
      known && now - known.lastAt <= combineWithinMs ? known : { messages: new Set<string>(), lastAt: now };
    record.lastAt = now;
    similar.set(kind, record);
    if (record.messages.has(message)) return false;
    if (record.messages.size >= combineAfter) return true;
    record.messages.add(message);
    return false;
  }

  function takeToken(source: string, now: number): boolean {
    const bucket = buckets.get(source) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refillMs);
    bucket.at = now;
    buckets.set(source, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  return {
    hear: ({ source, kind, message }, now) => {
      const combined = isCombined(kind, message, now);
      const key = combined ? kind : `${kind}\n${message}`;
      const count = (held.get(key) ?? 0) + 1;
      if (!takeToken(source, now)) {
        held.set(key, count);
        return { isCombined: combined, count: 0 };
      }
      held.delete(key);
      return { isCombined: combined, count };
    },
  };
}

/** A map of the `max` entries that were set last (A3). */
function createRecent<T>(max: number) {
  const entries = new Map<string, T>();
  return {
    get: (key: string): T | undefined => entries.get(key),
    set: (key: string, value: T): void => {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size <= max) return;
      for (const oldest of entries.keys()) {
        entries.delete(oldest);
        return;
      }
    },
    delete: (key: string): void => void entries.delete(key),
  };
}
