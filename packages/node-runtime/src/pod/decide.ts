import type { ContainerView } from './pod-view.ts';
import { type RestartPolicy, restarts } from './restart-backoff.ts';

export interface PodDecision {
  readonly start: readonly string[];
  readonly stop: readonly string[];
  /** Milliseconds after which to decide again, though nothing happened. */
  readonly againInMs?: number;
}

export interface PodSituation {
  readonly policy: RestartPolicy;
  readonly init: readonly ContainerView[];
  readonly main: readonly ContainerView[];
}

/** Ended, and for good. */
export function isDone(view: ContainerView, policy: RestartPolicy, init: boolean): boolean {
  return view.state === 'ended' && view.end !== undefined && !restarts(policy, view.end.exitCode, init);
}

/** All init containers ended well. */
export function isInitialized(init: readonly ContainerView[]): boolean {
  return init.every((view) => view.state === 'ended' && view.end?.exitCode === 0);
}

/**
 * Which containers to start and stop now.
 *
 * 1. Init containers run one after the other, each to success; the others start when all have.
 * 2. An init container that failed for good leaves the rest unstarted.
 * 3. Nothing is started twice, and nothing before its pause is over.
 */
export function decide({ policy, init, main }: PodSituation): PodDecision {
  const start: string[] = [];
  const stop: string[] = [];
  const pauses: number[] = [];
  const consider = (view: ContainerView, isInit: boolean): void => {
    switch (view.state) {
      case 'waiting':
        if (view.pauseMs > 0) pauses.push(view.pauseMs);
        else start.push(view.name);
        return;
      case 'running':
        if (view.unhealthy) stop.push(view.name);
        return;
      case 'stopping':
        return;
      case 'ended':
        if (isDone(view, policy, isInit)) return;
        if (view.pauseMs > 0) pauses.push(view.pauseMs);
        else start.push(view.name);
    }
  };
  if (!isInitialized(init) && main.every((view) => view.run === 0)) {
    const next = init.find((view) => !(view.state === 'ended' && view.end?.exitCode === 0));
    if (next) consider(next, true);
  } else {
    for (const view of main) consider(view, false);
  }
  return { start, stop, ...(pauses.length > 0 ? { againInMs: Math.min(...pauses) } : {}) };
}
