import type { JsonObject } from '../json.ts';
import { objectAt } from '../json.ts';
import type { WriteContext } from '../registry/definition.ts';
import type { Environment } from './environment.ts';
import { amend } from './finish.ts';

/** Who owns what the server itself writes into the status of definitions. */
const MANAGER = 'kube-apiserver';

/**
 * Changes the status of an object in the name of the server, which then owns what it changed. `change` answers undefined
 * where there is nothing to do; `uid` guards against a namesake.
 */
export async function writeAsServer(
  env: Environment,
  key: string,
  change: (current: Readonly<JsonObject>) => JsonObject | undefined,
  uid?: string,
): Promise<void> {
  const definition = env.registry.findStored(key);
  await amend(env.store, key, uid, (current) => {
    const changed = change(current);
    if (!changed || !definition) return changed;
    const context: WriteContext = {
      now: env.clock.now(),
      user: { username: 'system:apiserver', groups: ['system:masters'] },
      dryRun: false,
      fieldManager: MANAGER,
    };
    const managedFields = env.fields.updated(
      { definition, context, subresource: 'status' },
      current,
      changed,
      undefined,
    );
    return managedFields ? { ...changed, metadata: { ...objectAt(changed, 'metadata'), managedFields } } : changed;
  });
}
