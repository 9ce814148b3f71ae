/**
 * How long steps wait for what may never come, before they say so. What moves is waited for without such a limit; what is proven
 * to stand still stops its operation with a code, in a time that a person can wait for.
 */
import type { Clock } from '@polarstack/base';
import type { ClusterStepContext } from './services.ts';

export interface Patience {
  /** An agent that does not answer for this long is told of, in milliseconds. */
  readonly agentSilenceMs: number;
  /** A replica that is behind and whose position stands still for this long does not catch up by itself, in milliseconds. */
  readonly standstillMs: number;
  /** A pod may take this long to get an address, and an engine to come out of its recovery, in milliseconds. */
  readonly startMs: number;
  /** A pod that does not end for this long after it should have is on a node that is off, in milliseconds. */
  readonly podEndMs: number;
  /** An operation whose turn it is waits this long for what is in its way and may go by itself, in milliseconds. */
  readonly fitMs: number;
}

export const defaultPatience: Patience = {
  agentSilenceMs: 30_000,
  standstillMs: 30_000,
  startMs: 300_000,
  podEndMs: 20_000,
  fitMs: 10_000,
};

/**
 * The patience of this attempt: the second has half of it, the third a third. So all attempts of a step together wait for about
 * twice the whole, and each of them for long enough to see that something has come back.
 */
export const patienceOf = (
  { services, failures }: Pick<ClusterStepContext, 'failures'> & { readonly services: { readonly patience: Patience } },
  what: keyof Patience,
): number => services.patience[what] / (1 + failures);

/** Answers for how many milliseconds what it is told has been the same. */
export function createStandstill({ clock }: { readonly clock: Clock }): (face: string) => number {
  let last: string | undefined;
  let since = clock.monotonic();
  return (face) => {
    const now = clock.monotonic();
    if (face !== last) [last, since] = [face, now];
    return now - since;
  };
}
