/** Exponential back-off with full jitter on the upper half: `[d/2, d)` with `d = min(max, base * 2^failures)`. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** The pause before attempt `failures + 1`, in milliseconds. `random` is uniform in [0, 1). */
export function backoffDelay({ baseMs, maxMs }: Backoff, failures: number, random: () => number = Math.random): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30));
  return full * (0.5 + random() / 2);
}
