/**
 * Gives definitions their names: new ones and those that ask for others, and again whenever another definition of the
 * group goes or lets go of a name. Then it establishes them: two writes of the server, as Kubernetes makes them.
 *
 * - N1 Definitions are looked at one after the other, each when what was given before is durable: no name is given twice.
 * - N2 Whoever writes a definition hears of it only when it has its names: what it serves is served by then.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { equalJson, type JsonObject, objectAt, stringAt } from '../json.ts';
import { writeAsServer } from '../operations/as-server.ts';
import type { Environment } from '../operations/environment.ts';
import { CRD_PREFIX } from '../registry/registry.ts';
import type { StoreEvent } from '../store/object-store.ts';
import { establishedStatus, statusWithNames } from './crd-names.ts';

export interface Naming {
  /** Resolves when definitions that were left without names have been looked at; goes on until the signal. */
  start(env: Environment, signal: AbortSignal): Promise<void>;
  /** N2: resolves at once for a definition that asked for nothing. */
  settled(key: string): Promise<void>;
}

/** After a write that failed, as on a full disk. */
const RETRY_MS = 1_000;

export function createNaming(): Naming {
  const waiting = new Map<string, Promise<void>>();
  let queue: Promise<void> = Promise.resolve();

  const settle = async (env: Environment, key: string): Promise<void> => {
    const now = env.clock.now();
    const all = () => env.store.list(CRD_PREFIX).map(({ object }) => object);
    await writeAsServer(env, key, (current) => withStatus(current, statusWithNames(current, all(), now)));
    await writeAsServer(env, key, (current) =>
      withStatus(current, establishedStatus(objectAt(current, 'status') ?? {}, now)),
    );
  };

  /** N1. */
  const enqueue = (env: Environment, signal: AbortSignal, key: string): Promise<void> => {
    const done = queue
      .then(() => (signal.aborted ? undefined : settle(env, key)))
      .catch((error: unknown) => {
        if (signal.aborted) return;
        env.logger.warn({ err: error, key }, 'names of a definition could not be given');
        pause(RETRY_MS, undefined, { signal, ref: false }).then(
          () => void enqueue(env, signal, key),
          () => {}, // the server ends
        );
      })
      .finally(() => {
        if (waiting.get(key) === done) waiting.delete(key);
      });
    queue = done;
    waiting.set(key, done);
    return done;
  };

  const look = (env: Environment, signal: AbortSignal, { type, key, object, previous }: StoreEvent): void => {
    const names = (of: unknown) => objectAt(of, 'status', 'acceptedNames');
    const wants = (of: unknown) => objectAt(of, 'spec', 'names');
    if (type === 'ADDED' || (type === 'MODIFIED' && !equalJson(wants(object), wants(previous)))) {
      void enqueue(env, signal, key);
    }
    if (type === 'ADDED' || (type === 'MODIFIED' && equalJson(names(previous), names(object)))) return;
    const group = stringAt(object, 'spec', 'group');
    for (const other of env.store.list(CRD_PREFIX)) {
      if (other.key === key || stringAt(other.object, 'spec', 'group') !== group) continue;
      if (!equalJson(wants(other.object), names(other.object))) void enqueue(env, signal, other.key);
    }
  };

  return {
    start: async (env, signal) => {
      const { store } = env;
      const stop = store.subscribe(CRD_PREFIX, store.revision, (event) => look(env, signal, event));
      signal.addEventListener('abort', stop, { once: true });
      await Promise.all(store.list(CRD_PREFIX).map(async ({ key }) => await enqueue(env, signal, key)));
    },
    settled: async (key) => {
      await waiting.get(key);
    },
  };
}

function withStatus(current: Readonly<JsonObject>, status: Readonly<JsonObject>): JsonObject | undefined {
  return equalJson(status, objectAt(current, 'status')) ? undefined : { ...current, status };
}
