/** Gives definitions the names that others had and let go of. */
import { equalJson, objectAt, stringAt } from '../json.ts';
import type { Environment } from '../operations/environment.ts';
import { amend } from '../operations/finish.ts';
import { CRD_PREFIX } from '../registry/registry.ts';
import type { StoreEvent } from '../store/object-store.ts';
import { statusWithNames } from './crd-names.ts';

/** Looks again at the definitions of a group whenever one of them goes or changes its names, until the signal. */
export function startNaming(env: Environment, signal: AbortSignal): void {
  const { store, clock, logger } = env;

  const settle = async (key: string): Promise<void> => {
    await amend(store, key, undefined, (current) => {
      const spec = objectAt(current, 'spec', 'names');
      if (equalJson(spec, objectAt(current, 'status', 'acceptedNames'))) return undefined;
      const status = statusWithNames(
        current,
        store.list(CRD_PREFIX).map(({ object }) => object),
        clock.now(),
      );
      const names = (of: unknown) => objectAt(of, 'acceptedNames');
      return equalJson(names(status), names(objectAt(current, 'status'))) ? undefined : { ...current, status };
    });
  };

  const look = async ({ type, key, object, previous }: StoreEvent): Promise<void> => {
    const before = objectAt(previous, 'status', 'acceptedNames');
    if (type === 'ADDED' || (type === 'MODIFIED' && equalJson(before, objectAt(object, 'status', 'acceptedNames'))))
      return;
    const group = stringAt(object, 'spec', 'group');
    for (const other of store.list(CRD_PREFIX)) {
      if (other.key !== key && stringAt(other.object, 'spec', 'group') === group) await settle(other.key);
    }
  };

  const stop = store.subscribe(CRD_PREFIX, store.revision, (event) => {
    look(event).catch((error: unknown) => logger.warn({ err: error }, 'names of a definition could not be given'));
  });
  signal.addEventListener('abort', stop, { once: true });
}
