/**
 * A wait for something that the API server is to tell: it ends in time whatever becomes of the server, and knows
 * whether the server was there at the end.
 */
import { type Backoff, type Clock, isStackError, linkSignals, StackError, systemClock } from '@polarstack/base';
import type { KubeClient } from '@polarstack/kube';

export interface ContactOptions {
  readonly client: Pick<KubeClient, 'raw'>;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** How long the server may be away at a stretch before the wait is given up, in milliseconds. */
  readonly patienceMs?: number;
  readonly clock?: Clock;
}

export interface Contact {
  /** Aborts when the outer signal does, when the time is over, or when the server stays away. */
  readonly signal: AbortSignal;
  /** To be told of each failure of a list or a watch. */
  readonly onError: (error: unknown) => void;
  /** How it was last found that the server does not answer; undefined: it does. */
  readonly trouble: StackError | undefined;
  /** Ends the wait; resolves when nothing of it is left. */
  end(): Promise<void>;
}

/** A restart of the home (`down` and `up`) takes less. */
const PATIENCE_MS = 20_000;
const ASK_EVERY_MS = 500;
/** A wait is watched by a human: it goes on soon after the server is back. */
export const contactBackoff: Backoff = { baseMs: 50, maxMs: 1_000 };

export function keepContact(options: ContactOptions): Contact {
  const { client, timeoutMs, patienceMs = PATIENCE_MS, clock = systemClock } = options;
  const linked = linkSignals([options.signal], timeoutMs);
  const { signal } = linked;
  let trouble: StackError | undefined;
  let asking: Promise<void> | undefined;

  /** Asks until the server answers, whatever it says, or has been away for too long. */
  async function ask(): Promise<void> {
    const since = clock.monotonic();
    while (!signal.aborted && trouble) {
      if (clock.monotonic() - since >= patienceMs) {
        linked.end(trouble);
        return;
      }
      await clock.sleep(ASK_EVERY_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      const answer = await client.raw('/version', signal).catch((error: unknown) => error);
      if (!signal.aborted) trouble = isAway(answer) ? answer : undefined;
    }
  }

  return {
    signal,
    get trouble() {
      return trouble;
    },
    onError: (error) => {
      if (!isAway(error) || signal.aborted) return;
      trouble ??= error;
      asking ??= ask().finally(() => {
        asking = undefined;
      });
    },
    end: async () => {
      linked.end();
      await asking;
    },
  };
}

function isAway(error: unknown): error is StackError {
  return isStackError(error, 'ApiUnreachable') || isStackError(error, 'ServerTimeout');
}

/** What is thrown where a wait has ended without the server: `waited` says what has not come, `afterwards` what will. */
export function serverAway(trouble: StackError, waited: string, afterwards: string): StackError {
  return new StackError('ApiUnreachable', `${waited}: ${trouble.message}`, {
    cause: trouble,
    remedy: `${trouble.remedy} ${afterwards}`,
    details: { waited, afterwards },
  });
}
