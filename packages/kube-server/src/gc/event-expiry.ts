import { isObject, stringAt } from '../json.ts';
import { deleteObject } from '../operations/delete.ts';
import type { Environment } from '../operations/environment.ts';
import { storePrefix } from '../registry/definition.ts';
import { collectorUser } from './collector.ts';

/** How long an event is kept after its last change, and how often that is looked at. */
const KEEP_MS = 60 * 60_000;
const SWEEP_MS = 60_000;

/**
 * One look at all events, deleting the old ones. Age is measured by the monotonic clock since an event was first seen
 * in its present state: a wall clock that jumps expires nothing, and after a restart events live up to another hour.
 */
export function createEventSweep(env: Environment): () => Promise<void> {
  const prefix = storePrefix('', 'events');
  let seen = new Map<string, { readonly version: string; readonly at: number }>();

  return async () => {
    const definition = env.registry.find('', 'v1', 'events');
    if (!definition) return;
    const now = env.clock.monotonic();
    const next: typeof seen = new Map();
    for (const { key, object } of env.store.list(prefix)) {
      const version = object.metadata.resourceVersion;
      const before = seen.get(key);
      const first = before?.version === version ? before : { version, at: now };
      next.set(key, first);
      if (now - first.at < KEEP_MS) continue;
      const namespace = stringAt(object.metadata, 'namespace');
      const name = String(object.metadata.name);
      const options = { resourceVersion: version };
      const context = { now: env.clock.now(), user: collectorUser, dryRun: false };
      await deleteObject(env, { definition, namespace, name, options, context }).catch((error: unknown) => {
        // It changed or went meanwhile: not old after all.
        if (!isObject(error) || !isObject(error.status)) throw error;
      });
    }
    seen = next;
  };
}

/** Sweeps every minute until the signal. */
export function startEventExpiry(env: Environment, signal: AbortSignal): void {
  const sweep = createEventSweep(env);
  const timer = setInterval(() => {
    sweep().catch((error: unknown) => env.logger.warn({ err: error }, 'old events could not be deleted'));
  }, SWEEP_MS);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
