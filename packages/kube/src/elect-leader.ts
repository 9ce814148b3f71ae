import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock, isStackError, StackError, systemClock, withDeadline } from '@polarstack/base';
import type { Lease } from 'kubernetes-types/coordination/v1.js';
import type { KubeClient, ObjectKey } from './client.ts';
import {
  decideElection,
  type ElectionAction,
  type ElectionEvent,
  type ElectionRequest,
  type ElectionResult,
  type ElectionTimes,
  mayAct,
  newElection,
  nextTick,
} from './leader-election.ts';
import { leaseFor, seenLease } from './lease-record.ts';
import { Leases } from './resources.ts';
import { pause } from './retry-watch.ts';

/** Durations in the proportions of Kubernetes' own components: 15, 10 and 2 seconds. */
export function electionTimes(leaseSeconds = 15): ElectionTimes {
  const leaseDurationMs = leaseSeconds * 1000;
  return { leaseDurationMs, renewDeadlineMs: (leaseDurationMs * 2) / 3, retryPeriodMs: (leaseDurationMs * 2) / 15 };
}

export interface LeaderElectorOptions {
  readonly client: Pick<KubeClient, 'find' | 'create' | 'replace'>;
  readonly lease: ObjectKey & { readonly namespace: string };
  /**
   * What only the leader does. Called when leadership begins, with a signal that aborts when it ends; may be called
   * again later. It is awaited before the Lease is released. When it fails or returns by itself, the election ends.
   */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  /** Ends the election: the work first, then the Lease is released. */
  readonly signal: AbortSignal;
  /** Must be this process's alone. Default: the host's name, the process id and a random part. */
  readonly identity?: string;
  readonly times?: ElectionTimes;
  readonly clock?: Clock;
  /** Told of requests that failed; they are repeated. */
  readonly onError?: (error: unknown) => void;
}

export interface LeaderElector {
  readonly identity: string;
  /**
   * To be asked right before whatever only the leader may do: it knows of a pause of this process, or a sleep of
   * the machine, before its signal does.
   */
  isLeader(): boolean;
  /** Contends until the signal aborts and the Lease is released. Rejects with what `lead` failed with. */
  run(): Promise<void>;
}

/** Longest sleep: timers do not take more than 2^31 ms, and nothing is ever far away here. */
const MAX_SLEEP_MS = 60_000;

/** Leads or waits, by a Lease. Throws `InvalidConfig` for durations that cannot work together. */
export function createLeaderElector(options: LeaderElectorOptions): LeaderElector {
  const { client, lease, onError = () => {}, clock = systemClock } = options;
  const { identity = `${hostname()}_${process.pid}_${randomUUID()}`, times = electionTimes() } = options;
  checkTimes(times);
  let state = newElection<Lease>(identity, times, clock.monotonic());
  let wake = (): void => {};
  /** The work under way, and how it is told to end. */
  let term: { readonly end: AbortController; readonly ended: Promise<void> } | undefined;
  let outcome: { readonly error?: unknown } | undefined;
  const closing = new AbortController();
  /**
   * How far the wall clock is ahead of the monotonic one. It grows while the whole machine sleeps, because the monotonic
   * clock stands still then; others may have led meanwhile. (A wall clock that is set forward costs one renewal.)
   */
  const wallLead = (): number => clock.now().getTime() - clock.monotonic();
  const sentWith = new Map<number, number>();
  let renewedWith = wallLead();

  const tell = (event: ElectionEvent<Lease>): void => {
    const [next, actions] = decideElection(state, event, clock.monotonic());
    state = next;
    for (const action of actions) carryOut(action);
    wake();
  };

  const carryOut = (action: ElectionAction<Lease>): void => {
    switch (action.type) {
      case 'send':
        sentWith.set(action.id, wallLead());
        void ask(action.request).then((result) => {
          const sent = sentWith.get(action.id);
          sentWith.delete(action.id);
          if (result.kind === 'lease' && action.request.verb !== 'read' && sent !== undefined) renewedWith = sent;
          tell({ type: 'answer', id: action.id, result });
        });
        break;
      case 'begin':
        begin();
        break;
      case 'end':
        term?.end.abort(new StackError('NotLeader', `${identity} does not lead any more`));
        break;
      case 'done':
        closing.abort();
        break;
    }
  };

  const begin = (): void => {
    const before = term;
    const end = new AbortController();
    const work = async (): Promise<void> => {
      await before?.ended;
      if (end.signal.aborted || options.signal.aborted || outcome) return;
      try {
        await options.lead(end.signal);
        if (!end.signal.aborted) outcome = {};
      } catch (error) {
        if (!end.signal.aborted) outcome = { error };
        else if (error !== end.signal.reason) onError(error);
      }
    };
    term = {
      end,
      ended: work().then(() => {
        if (outcome) wake();
      }),
    };
  };

  const send = async (request: ElectionRequest<Lease>, signal: AbortSignal): Promise<ElectionResult<Lease>> => {
    if (request.verb === 'read') {
      const found = await client.find(Leases, lease, signal);
      return found ? { kind: 'lease', lease: seenLease(found) } : { kind: 'absent' };
    }
    const object = leaseFor(request, { ...lease, identity, times, now: clock.now() });
    const written =
      request.verb === 'create'
        ? await client.create(Leases, object, signal)
        : await client.replace(Leases, object, signal);
    return { kind: 'lease', lease: seenLease(written) };
  };

  const ask = async (request: ElectionRequest<Lease>): Promise<ElectionResult<Lease>> => {
    try {
      // A request outlives its usefulness by little: connections are not held by a server that never answers.
      return await withDeadline(times.renewDeadlineMs, closing.signal, async (signal) => await send(request, signal));
    } catch (error) {
      if (isStackError(error, 'NotFound') && request.verb !== 'create') return { kind: 'absent' };
      if (isStackError(error, 'Conflict') || isStackError(error, 'AlreadyExists')) return { kind: 'conflict' };
      if (!closing.signal.aborted) onError(error);
      return { kind: 'failed' };
    }
  };

  /** Ticks when a tick is due or something happened, as long as `goesOn` says so. */
  const turn = async (goesOn: () => boolean): Promise<void> => {
    while (goesOn()) {
      tell({ type: 'tick' });
      if (!goesOn()) return;
      const woken = new AbortController();
      wake = () => woken.abort();
      const due = Math.max(1, Math.ceil(nextTick(state) - clock.monotonic()));
      await pause(clock, Math.min(due, MAX_SLEEP_MS), woken.signal);
    }
  };

  const isOver = (): boolean => options.signal.aborted || outcome !== undefined;

  return {
    identity,
    isLeader: () => mayAct(state, clock.monotonic() + Math.max(0, wallLead() - renewedWith)),
    run: async () => {
      const onAbort = (): void => {
        // The work ends while the Lease is still renewed: what it has to write last it writes as the leader.
        term?.end.abort(options.signal.reason);
        wake();
      };
      options.signal.addEventListener('abort', onAbort, { once: true });
      try {
        await turn(() => !isOver());
        let isBusy = term !== undefined;
        const ended = term?.ended.then(() => {
          isBusy = false;
          wake();
        });
        await turn(() => isBusy);
        await ended;
        tell({ type: 'stop' });
        await turn(() => state.stage !== 'stopped');
      } finally {
        options.signal.removeEventListener('abort', onAbort);
        closing.abort();
      }
      if (outcome && 'error' in outcome) throw outcome.error;
    },
  };
}

function checkTimes({ leaseDurationMs, renewDeadlineMs, retryPeriodMs }: ElectionTimes): void {
  const isRight =
    leaseDurationMs % 1000 === 0 &&
    leaseDurationMs > renewDeadlineMs &&
    renewDeadlineMs > 2 * retryPeriodMs &&
    retryPeriodMs > 0;
  if (isRight) return;
  throw new StackError(
    'InvalidConfig',
    `leader election needs whole seconds of leaseDuration > renewDeadline > 2 x retryPeriod > 0, not ${leaseDurationMs}, ${renewDeadlineMs} and ${retryPeriodMs} ms`,
  );
}
