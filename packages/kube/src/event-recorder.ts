/**
 * Writes Kubernetes Events about objects.
 *
 * Invariants (tests cite them):
 * - E1 The same thing said again about the same object is one Event whose `count` grows, also across restarts: its
 *   name is made of what it says.
 * - E2 Recording never throws and never waits. While the API server is away or overloaded what was recorded is kept, up to
 *   a number and an age, and tried again with growing pauses; what is dropped for that, and what the server refuses, is
 *   reported.
 * - E3 Events of one recorder are written one after the other, in order; repeats that come meanwhile are written as
 *   one update.
 * - E4 What `event-correlator.ts` combines or holds back is.
 */
import { createHash } from 'node:crypto';
import { type Backoff, backoffDelay, type Clock, isStackError, StackError, systemClock } from '@polarstack/base';
import type { Event } from 'kubernetes-types/core/v1.js';
import type { KubeClient } from './client.ts';
import { type CorrelatorOptions, createEventCorrelator } from './event-correlator.ts';
import type { KubeObject } from './object.ts';
import { Events } from './resources.ts';
import { pause, retryAfterMs } from './retry-watch.ts';
import { tell } from './tell.ts';
import { kubeTime } from './time.ts';

export interface EventRecord {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, short, for programs. */
  readonly reason: string;
  /** A sentence for people; no secrets. Figures that change make each one an Event of its own. */
  readonly message: string;
}

export interface EventRecorder {
  record(object: KubeObject, event: EventRecord): void;
  /** Resolves when everything recorded so far is written or dropped, or after `timeoutMs` (default 3000). */
  flush(timeoutMs?: number): Promise<void>;
}

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'get' | 'patch'>;
  /** Who says it (`polarstack-operator`). */
  readonly component: string;
  readonly host?: string;
  readonly signal: AbortSignal;
  readonly onError?: (error: unknown) => void;
  readonly clock?: Clock;
  readonly correlation?: CorrelatorOptions;
  /** Pauses while the server is away. Default 500 ms doubling to 30 s. */
  readonly backoff?: Backoff;
}

interface Pending {
  readonly event: Event;
  readonly name: string;
  readonly namespace: string;
  readonly recordedAt: number;
  count: number;
  lastTimestamp: string;
}

/** The server keeps names below 253 characters. */
const MAX_NAME = 200;
/** More waiting events than this are dropped, oldest kept: a server that is away must not fill our memory. */
const MAX_WAITING = 1000;
/** Events that could not be written for this long are news to nobody; the server itself keeps them an hour. */
const MAX_AGE_MS = 600_000;
const awayBackoff: Backoff = { baseMs: 500, maxMs: 30_000 };
const COMBINED = '(combined from similar events): ';

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, component, signal, clock = systemClock, backoff = awayBackoff } = options;
  const correlator = createEventCorrelator(options.correlation);
  const waiting = new Map<string, Pending>();
  let writing: Promise<void> | undefined;

  /** E2, also where the report fails. */
  const onError = (error: unknown): void => tell(() => options.onError?.(error));

  /** Undefined where the event is held back (E4). */
  function describe(object: KubeObject, record: EventRecord): Pending | undefined {
    const { name = '', namespace, uid = '', resourceVersion } = object.metadata ?? {};
    const subject = { apiVersion: object.apiVersion ?? '', kind: object.kind ?? '', name, uid };
    const source = JSON.stringify([subject, namespace, component]);
    const kind = JSON.stringify([source, record.type, record.reason]);
    const { isCombined, count } = correlator.hear({ source, kind, message: record.message }, clock.monotonic());
    if (count === 0) return undefined;
    const said = isCombined ? [COMBINED] : [record.message];
    const digest = createHash('sha256')
      .update(JSON.stringify([subject, namespace, component, record.type, record.reason, ...said]))
      .digest('hex');
    const where = namespace ?? 'default';
    const now = kubeTime(clock.now());
    const eventName = `${name.slice(0, MAX_NAME).replace(/[^a-z0-9]+$/, '')}.${digest.slice(0, 16)}`;
    const event: Event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: eventName, namespace: where },
      involvedObject: {
        ...subject,
        ...(namespace === undefined ? {} : { namespace }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      type: record.type,
      reason: record.reason,
      message: `${isCombined ? COMBINED : ''}${record.message}`.slice(0, 1024),
      source: { component, ...(options.host === undefined ? {} : { host: options.host }) },
      reportingComponent: component,
      reportingInstance: options.host ?? component,
      firstTimestamp: now,
      count: 1,
    };
    return { event, name: eventName, namespace: where, recordedAt: clock.monotonic(), count, lastTimestamp: now };
  }

  async function countUp(
    name: string,
    namespace: string,
    more: Pick<Event, 'lastTimestamp' | 'message'> & { readonly count: number },
  ) {
    try {
      const known = await client.get(Events, { namespace, name }, signal);
      // The message too: of combined events the last one is shown.
      const body = { ...more, count: (known.count ?? 1) + more.count };
      await client.patch(Events, { namespace, name }, { type: 'merge', body }, signal);
    } catch (error) {
      if (!isStackError(error, 'NotFound')) throw error;
      throw new StackError('ApiError', 'the event ended just now: it is to be made anew', { cause: error });
    }
  }

  async function write({ event, name, namespace, count, lastTimestamp }: Pending): Promise<void> {
    try {
      await client.create(Events, { ...event, count, lastTimestamp }, signal);
    } catch (error) {
      if (!isStackError(error, 'AlreadyExists')) throw error;
      await countUp(name, namespace, { count, lastTimestamp, message: event.message ?? '' });
    }
  }

  /** Until it is written, refused, or too old (E2). */
  async function deliver(key: string, pending: Pending): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const more = waiting.get(key);
        if (more !== undefined) {
          waiting.delete(key);
          pending.count += more.count;
          pending.lastTimestamp = more.lastTimestamp;
        }
        await write(pending);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (failures === 0) onError(error);
        if (!isPassing(error)) return;
        if (clock.monotonic() - pending.recordedAt > MAX_AGE_MS) {
          onError(
            new StackError(
              'ApiUnreachable',
              `event dropped, it could not be written for long: ${pending.event.reason}`,
            ),
          );
          return;
        }
        await pause(clock, Math.max(retryAfterMs(error), backoffDelay(backoff, failures)), signal);
      }
    }
  }

  async function writeAll(): Promise<void> {
    // Starts after `record` returned, so that `writing` is set before it is cleared below.
    await Promise.resolve();
    for (let next = waiting.entries().next(); !next.done; next = waiting.entries().next()) {
      const [key, pending] = next.value;
      waiting.delete(key);
      await deliver(key, pending);
    }
    writing = undefined;
  }

  return {
    record: (object, record) => {
      const pending = describe(object, record);
      if (pending === undefined) return;
      const key = `${pending.namespace}/${pending.name}`;
      const same = waiting.get(key);
      if (same !== undefined) {
        same.count += pending.count;
        same.lastTimestamp = pending.lastTimestamp;
      } else if (waiting.size < MAX_WAITING) {
        waiting.set(key, pending);
      } else {
        onError(new StackError('ApiUnreachable', `event dropped, too many are waiting: ${record.reason}`));
      }
      writing ??= writeAll();
    },
    flush: async (timeoutMs = 3_000) => {
      const late = new AbortController();
      const done = (async () => {
        while (writing !== undefined) await writing;
      })();
      await Promise.race([done, pause(clock, timeoutMs, late.signal)]);
      late.abort();
    },
  };
}

const passing: ReadonlySet<string> = new Set([
  'ApiUnreachable',
  'ServerTimeout',
  'TooManyRequests',
  'ApiError',
  'Unauthorized',
]);

/** Troubles of the moment: the same write may succeed later. */
function isPassing(error: unknown): boolean {
  return isStackError(error) && passing.has(error.code);
}
