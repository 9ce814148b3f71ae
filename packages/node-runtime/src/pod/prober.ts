import { type Clock, withDeadline } from '@polarstack/base';
import type { Probe } from 'kubernetes-types/core/v1.js';
import type { ProbeCheck } from './probe-check.ts';
import { addResult, freshProbe, nextTry, type ProbeSettings, type ProbeState } from './probe-state.ts';

export interface ProberOptions {
  readonly probe: Probe;
  readonly check: ProbeCheck;
  /** Where to begin: an adopted container was passing a moment ago. */
  readonly initial?: ProbeState;
  readonly clock: Clock;
  /** Called after each change of the verdict. */
  readonly onVerdict: (state: ProbeState) => void;
  /** Called after each failure that counts. */
  readonly onFailure: (message: string) => void;
  readonly signal: AbortSignal;
}

export function probeSettings(probe: Probe): ProbeSettings {
  return {
    periodMs: (probe.periodSeconds ?? 10) * 1000,
    successThreshold: probe.successThreshold ?? 1,
    failureThreshold: probe.failureThreshold ?? 3,
  };
}

/** Looks at a container again and again until the signal aborts; never rejects. */
export async function runProber(options: ProberOptions): Promise<void> {
  const { probe, check, clock, signal } = options;
  const settings = probeSettings(probe);
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  let state = options.initial ?? freshProbe;
  const pause = (ms: number): Promise<void> => clock.sleep(ms, signal).catch(() => undefined);
  if (!state.everPassed && probe.initialDelaySeconds) await pause(probe.initialDelaySeconds * 1000);
  const began = clock.monotonic();
  while (!signal.aborted) {
    let failure: string | undefined;
    try {
      await withDeadline(timeoutMs, signal, check);
    } catch (error) {
      failure = describe(error, timeoutMs);
    }
    if (signal.aborted) return;
    const before = state;
    state = addResult(state, failure === undefined, clock.monotonic(), settings);
    if (failure !== undefined && state.failures > before.failures) options.onFailure(failure);
    if (state.verdict !== before.verdict) options.onVerdict(state);
    await pause(nextTry(state, clock.monotonic() - began, settings));
  }
}

function describe(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    return `no answer within ${timeoutMs} ms`;
  }
  return error instanceof Error ? error.message : String(error);
}
