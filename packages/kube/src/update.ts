import { isStackError } from '@polarstack/base';
import type { KubeClient, ObjectKey } from './client.ts';
import type { KubeObject, Resource } from './object.ts';

export interface UpdateOptions {
  /** Write the status subresource instead. */
  readonly status?: boolean;
  /** How many lost races are borne before the conflict is thrown. Default 10. */
  readonly attempts?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads an object, changes it and writes it back, again from the start where somebody was faster. `change` may run
 * several times; undefined means that there is nothing to write. Returns the object as it is then.
 */
export async function updateWithRetry<T extends KubeObject>(
  client: Pick<KubeClient, 'get' | 'replace' | 'replaceStatus'>,
  resource: Resource<T>,
  key: ObjectKey,
  change: (current: T) => T | undefined,
  options: UpdateOptions = {},
): Promise<T> {
  const { status = false, attempts = 10, signal } = options;
  for (let attempt = 1; ; attempt++) {
    const current = await client.get(resource, key, signal);
    const changed = change(current);
    if (changed === undefined) return current;
    try {
      return status
        ? await client.replaceStatus(resource, changed, signal)
        : await client.replace(resource, changed, signal);
    } catch (error) {
      if (!isStackError(error, 'Conflict') || attempt >= attempts) throw error;
    }
  }
}
