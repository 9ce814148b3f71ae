/** What a series of probe results amounts to. */
export interface ProbeState {
  readonly verdict: 'unknown' | 'passing' | 'failing';
  readonly everPassed: boolean;
  readonly successes: number;
  readonly failures: number;
  /** Monotonic milliseconds of the last failure that counted. */
  readonly countedAtMs: number;
}

export interface ProbeSettings {
  readonly periodMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export const freshProbe: ProbeState = {
  verdict: 'unknown',
  everPassed: false,
  successes: 0,
  failures: 0,
  countedAtMs: Number.NEGATIVE_INFINITY,
};

/**
 * Adds one result. Before the first success probes run much more often than their period, so failures count at most
 * once a period: thresholds keep the meaning that they have in Kubernetes.
 */
export function addResult(state: ProbeState, ok: boolean, atMs: number, settings: ProbeSettings): ProbeState {
  if (ok) {
    const successes = state.successes + 1;
    const passing = successes >= settings.successThreshold;
    return {
      verdict: passing ? 'passing' : state.verdict,
      everPassed: true,
      successes,
      failures: 0,
      countedAtMs: Number.NEGATIVE_INFINITY,
    };
  }
  const counts = state.everPassed || atMs - state.countedAtMs >= settings.periodMs;
  const failures = state.failures + (counts ? 1 : 0);
  return {
    verdict: failures >= settings.failureThreshold ? 'failing' : state.verdict,
    everPassed: state.everPassed,
    successes: 0,
    failures,
    countedAtMs: counts ? atMs : state.countedAtMs,
  };
}

const FASTEST_MS = 100;

/** Milliseconds until the next try: quick at first, slowing down as the wait for the first success gets long. */
export function nextTry(state: ProbeState, waitedMs: number, settings: ProbeSettings): number {
  if (state.everPassed) return settings.periodMs;
  return Math.min(settings.periodMs, Math.max(FASTEST_MS, waitedMs / 50));
}
