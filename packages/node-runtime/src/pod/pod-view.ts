import type { RunEnd } from './pod-record.ts';

/** What is known about one container at a moment: the input of decisions and of the pod's status. */
export interface ContainerView {
  readonly name: string;
  /** Number of the latest run; 0 before the first. */
  readonly run: number;
  readonly state: 'waiting' | 'running' | 'stopping' | 'ended';
  readonly startedAt?: string;
  /** `running` only: the startup probe has passed (or there is none). */
  readonly started: boolean;
  /** `running` only: the readiness probe passes (or there is none). */
  readonly ready: boolean;
  /** `running` only: the liveness or startup probe has failed for good. */
  readonly unhealthy: boolean;
  readonly end?: RunEnd;
  readonly previous?: RunEnd;
  /** `ended` only: milliseconds until it may run again. */
  readonly pauseMs: number;
  /** Why it cannot be started, where the last try failed. */
  readonly problem?: { readonly reason: string; readonly message: string };
}
