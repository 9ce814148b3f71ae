/**
 * Writes Kubernetes Events about objects.
 *
 * Invariants (tests cite them):
 * - E1 The same thing said again about the same object is one Event whose `count` grows, also across restarts: its
 *   name is made of what it says.
 * - E2 Recording never throws and never waits; what cannot be written is reported and dropped.
 * - E3 Events of one recorder are written one after the other, in order; repeats that come meanwhile are written as
 *   one update.
 */
import { createHash } from 'node:crypto';
import { type Clock, isStackError, systemClock } from '@polarstack/base';
import type { Event } from 'kubernetes-types/core/v1.js';
import type { KubeClient } from './client.ts';
import type { KubeObject } from './object.ts';
import { Events } from './resources.ts';
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
  /** Resolves when everything recorded so far is written or dropped. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'get' | 'patch'>;
  /** Who says it (`polarstack-operator`). */
  readonly component: string;
  readonly host?: string;
  readonly signal: AbortSignal;
  readonly onError?: (error: unknown) => void;
  readonly clock?: Clock;
}

interface Pending {
  readonly event: Event;
  readonly name: string;
  readonly namespace: string;
  count: number;
  lastTimestamp: string;
}

/** The server keeps names below 253 characters. */
const MAX_NAME = 200;
/** More waiting events than this are dropped, oldest kept: a server that is away must not fill our memory. */
const MAX_WAITING = 1000;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, component, signal, onError = () => {}, clock = systemClock } = options;
  const waiting = new Map<string, Pending>();
  let writing: Promise<void> | undefined;

  function describe(object: KubeObject, record: EventRecord): Pending {
    const { name = '', namespace, uid = '', resourceVersion } = object.metadata ?? {};
    const subject = { apiVersion: object.apiVersion ?? '', kind: object.kind ?? '', name, uid };
    const digest = createHash('sha256')
      .update(JSON.stringify([subject, namespace, component, record.type, record.reason, record.message]))
      .digest('hex');
    const where = namespace ?? 'default';
    const now = kubeTime(clock.now());
    const eventName = `${name.slice(0, MAX_NAME)}.${digest.slice(0, 16)}`;
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
      message: record.message.slice(0, 1024),
      source: { component, ...(options.host === undefined ? {} : { host: options.host }) },
      reportingComponent: component,
      reportingInstance: options.host ?? component,
      firstTimestamp: now,
      count: 1,
    };
    return { event, name: eventName, namespace: where, count: 1, lastTimestamp: now };
  }

  async function write({ event, name, namespace, count, lastTimestamp }: Pending): Promise<void> {
    try {
      await client.create(Events, { ...event, count, lastTimestamp }, signal);
    } catch (error) {
      if (!isStackError(error, 'AlreadyExists')) throw error;
      const known = await client.get(Events, { namespace, name }, signal);
      const body = { count: (known.count ?? 1) + count, lastTimestamp };
      await client.patch(Events, { namespace, name }, { type: 'merge', body }, signal);
    }
  }

  async function writeAll(): Promise<void> {
    // Starts after `record` returned, so that `writing` is set before it is cleared below.
    await Promise.resolve();
    for (let next = waiting.entries().next(); !next.done; next = waiting.entries().next()) {
      const [key, pending] = next.value;
      waiting.delete(key);
      if (signal.aborted) continue;
      try {
        await write(pending);
      } catch (error) {
        if (!signal.aborted) onError(error);
      }
    }
    writing = undefined;
  }

  return {
    record: (object, record) => {
      const pending = describe(object, record);
      const key = `${pending.namespace}/${pending.name}`;
      const same = waiting.get(key);
      if (same !== undefined) {
        same.count++;
        same.lastTimestamp = pending.lastTimestamp;
      } else if (waiting.size < MAX_WAITING) {
        waiting.set(key, pending);
      } else {
        onError(new Error(`event dropped, too many are waiting: ${record.reason}`));
      }
      writing ??= writeAll();
    },
    flush: async () => {
      while (writing !== undefined) await writing;
    },
  };
}
