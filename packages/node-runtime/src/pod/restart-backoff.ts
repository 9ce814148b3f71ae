/** Kubelet's pauses between restarts of a container. */
export const FIRST_PAUSE_MS = 10_000;
export const LONGEST_PAUSE_MS = 300_000;
/** A run this long is taken as health: the next restart is immediate again. */
export const RESET_AFTER_MS = 600_000;

/**
 * The pause before the next run: none after the first failure, then 10 s, doubling to 5 min; none again after a run of
 * 10 min.
 */
export function nextPause(run: number, lastPauseMs: number, ranForMs: number): number {
  if (run <= 1 || ranForMs >= RESET_AFTER_MS) return 0;
  return Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, lastPauseMs * 2));
}

/** What is left of a pause; between 0 and all of it, whatever the wall clock has done meanwhile. */
export function remainingPause(pauseMs: number, endedAtMs: number, nowMs: number): number {
  return Math.min(pauseMs, Math.max(0, endedAtMs + pauseMs - nowMs));
}

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

/** Whether a container that ended with this code runs again; init containers of an `Always` pod end for good with 0. */
export function restarts(policy: RestartPolicy, exitCode: number, init: boolean): boolean {
  switch (policy) {
    case 'Always':
      return !init || exitCode !== 0;
    case 'OnFailure':
      return exitCode !== 0;
    case 'Never':
      return false;
  }
}
