import type { Clock } from '@polarstack/base';
import type { Probe } from 'kubernetes-types/core/v1.js';
import { type ProbeTarget, probeCheck } from './probe-check.ts';
import type { ProbeState } from './probe-state.ts';
import { runProber } from './prober.ts';

export interface ContainerProbes {
  readonly started: boolean;
  readonly ready: boolean;
  /** The startup or liveness probe failed for good. */
  readonly unhealthy: boolean;
  close(): void;
}

export interface ContainerProbesOptions {
  readonly target: ProbeTarget;
  /** What was last known of a container that is adopted. */
  readonly adopted?: { readonly started: boolean; readonly ready: boolean };
  readonly clock: Clock;
  readonly onChange: () => void;
  readonly onFailure: (kind: string, message: string) => void;
  readonly signal: AbortSignal;
}

/** Runs the probes of one run of a container: the startup probe first, then readiness and liveness side by side. */
export function startContainerProbes(options: ContainerProbesOptions): ContainerProbes {
  const { target, adopted, clock, onChange, onFailure } = options;
  const { startupProbe, readinessProbe, livenessProbe } = target.container;
  const own = new AbortController();
  const signal = AbortSignal.any([own.signal, options.signal]);
  let started = startupProbe === undefined || (adopted?.started ?? false);
  let ready = adopted?.ready ?? false;
  let unhealthy = false;

  const run = (kind: string, probe: Probe, onVerdict: (verdict: ProbeState['verdict']) => void, passing: boolean) => {
    const { check, close } = probeCheck(probe, target);
    const initial: ProbeState | undefined = passing
      ? { verdict: 'passing', everPassed: true, successes: 1, failures: 0, countedAtMs: Number.NEGATIVE_INFINITY }
      : undefined;
    const ended = new AbortController();
    void runProber({
      probe,
      check,
      clock,
      signal: AbortSignal.any([signal, ended.signal]),
      ...(initial ? { initial } : {}),
      onFailure: (message) => onFailure(kind, message),
      onVerdict: ({ verdict }) => {
        onVerdict(verdict);
        if (kind === 'Startup') ended.abort();
        onChange();
      },
    }).finally(close);
  };
  const afterStart = (): void => {
    if (readinessProbe) {
      run('Readiness', readinessProbe, (verdict) => (ready = verdict === 'passing'), adopted?.ready ?? false);
    } else {
      ready = true;
    }
    if (livenessProbe) run('Liveness', livenessProbe, (verdict) => (unhealthy = verdict === 'failing'), false);
  };
  if (startupProbe && !started) {
    const onStartup = (verdict: ProbeState['verdict']): void => {
      started = verdict === 'passing';
      unhealthy = verdict === 'failing';
      if (started) afterStart();
    };
    run('Startup', startupProbe, onStartup, false);
  } else {
    afterStart();
  }
  return {
    get started() {
      return started;
    },
    get ready() {
      return ready;
    },
    get unhealthy() {
      return unhealthy;
    },
    close: () => own.abort(),
  };
}
