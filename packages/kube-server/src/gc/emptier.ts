/** Empties namespaces and definitions that are being deleted, and lets them go when nothing is left. */
import { arrayAt, equalJson, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import { withCondition } from '../kinds/crd-names.ts';
import { CRD_CLEANUP_FINALIZER } from '../kinds/crd-strategy.ts';
import { timestamp } from '../kinds/metadata.ts';
import { writeAsServer } from '../operations/as-server.ts';
import { deleteObject } from '../operations/delete.ts';
import type { Environment } from '../operations/environment.ts';
import { amend, removeFinalizer } from '../operations/finish.ts';
import { type ResourceDefinition, storePrefix } from '../registry/definition.ts';
import type { StoredObject } from '../store/object-store.ts';
import { uidOf } from './owner-index.ts';
import { isDone, refusalOf, summary } from './refusals.ts';
import { controllerUser } from './users.ts';

/** Each answers why deletions were refused: what waits for these looks again when something changes (G5). */
export interface Emptier {
  emptyNamespace(namespace: StoredObject): Promise<readonly string[]>;
  emptyDefinition(crd: StoredObject): Promise<readonly string[]>;
}

const user = controllerUser('namespace-controller');

/**
 * A create that was accepted before the end was durable may become durable after it. So before the last look a write
 * on the ending object is awaited: by then every such create is visible, and every later one has seen the end.
 */
export function createEmptier(env: Environment): Emptier {
  const { store, registry } = env;
  /** Ending objects whose last look may be taken, by uid. */
  const barriers = new Set<string>();

  const removeAll = async (definition: ResourceDefinition, prefix: string): Promise<readonly string[]> => {
    const found = store.list(prefix);
    const refusals: string[] = [];
    await Promise.all(
      found.map(async ({ object }) => {
        if (object.metadata.deletionTimestamp !== undefined) return;
        await deleteObject(env, {
          definition,
          namespace: stringAt(object.metadata, 'namespace'),
          name: String(object.metadata.name),
          options: { uid: uidOf(object), propagationPolicy: 'Background' },
          context: { now: env.clock.now(), user, dryRun: false },
        }).catch((error: unknown) => {
          const refusal = refusalOf(error);
          if (refusal !== undefined) refusals.push(refusal);
          else if (!isDone(error)) throw error;
        });
      }),
    );
    return refusals;
  };

  const setCondition = (key: string, uid: string, condition: JsonObject): Promise<void> =>
    amend(store, key, uid, (current) => {
      const status = objectAt(current, 'status') ?? {};
      const conditions = arrayAt(status, 'conditions').filter(isObject);
      const before = conditions.find((c) => c.type === condition.type);
      if (before && equalJson({ ...before, lastTransitionTime: '' }, { ...condition, lastTransitionTime: '' })) {
        return undefined;
      }
      const next = [
        ...conditions.filter((c) => c !== before),
        { ...condition, lastTransitionTime: timestamp(env.clock.now()) },
      ];
      return { ...current, status: { ...status, conditions: next } };
    });

  /** The namespace says why its content stays; and that this is over, where it said so before. */
  const reportRefusals = async (key: string, namespace: StoredObject, refusals: readonly string[]): Promise<void> => {
    const type = 'NamespaceDeletionContentFailure';
    const before = arrayAt(namespace, 'status', 'conditions').find((c) => isObject(c) && c.type === type);
    if (refusals.length === 0 && !before) return;
    const [status, reason, message] =
      refusals.length === 0
        ? ['False', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization']
        : ['True', 'ContentDeletionFailed', `Failed to delete ${refusals.length} objects: ${summary(refusals)}`];
    await setCondition(key, uidOf(namespace), { type, status, reason, message });
  };

  /** True once a write behind every earlier create is durable. */
  const barrier = async (key: string, uid: string): Promise<void> => {
    if (barriers.has(uid)) return;
    await setCondition(key, uid, {
      type: 'NamespaceContentRemaining',
      status: 'False',
      reason: 'ContentRemoved',
      message: 'All content successfully removed',
    });
    barriers.add(uid);
  };

  const contentOf = (namespace: string): readonly { definition: ResourceDefinition; prefix: string }[] => {
    const byPrefix = new Map<string, ResourceDefinition>();
    for (const d of registry.all())
      if (d.namespaced && (d.custom || d.view === undefined) && !byPrefix.has(d.prefix)) byPrefix.set(d.prefix, d);
    return [...byPrefix].map(([prefix, definition]) => ({ definition, prefix: `${prefix}${namespace}/` }));
  };

  const leftIn = (name: string): readonly string[] =>
    contentOf(name).flatMap(({ definition, prefix }) => {
      const count = store.list(prefix).length;
      return count === 0
        ? []
        : [
            `${definition.plural}${definition.group === '' ? '' : `.${definition.group}`} has ${count} resource instances`,
          ];
    });

  return {
    emptyNamespace: async (namespace) => {
      const name = String(namespace.metadata.name);
      const key = `${storePrefix('', 'namespaces')}${name}`;
      const uid = uidOf(namespace);
      if (!arrayAt(namespace, 'spec', 'finalizers').includes('kubernetes')) return [];
      const refusals = (
        await Promise.all(contentOf(name).map(({ definition, prefix }) => removeAll(definition, prefix)))
      ).flat();
      await reportRefusals(key, namespace, refusals);
      let left = leftIn(name);
      if (left.length === 0) {
        await barrier(key, uid);
        left = leftIn(name);
      }
      if (left.length > 0) {
        barriers.delete(uid);
        await setCondition(key, uid, {
          type: 'NamespaceContentRemaining',
          status: 'True',
          reason: 'SomeResourcesRemain',
          message: `Some resources are remaining: ${left.join(', ')}`,
        });
        return refusals;
      }
      barriers.delete(uid);
      await amend(store, key, uid, (current) => ({
        ...current,
        spec: { ...objectAt(current, 'spec'), finalizers: [] },
      }));
      return [];
    },
    emptyDefinition: async (crd) => {
      const plural = stringAt(crd, 'spec', 'names', 'plural') ?? '';
      const group = stringAt(crd, 'spec', 'group') ?? '';
      const prefix = storePrefix(group, plural);
      const key = `${storePrefix('apiextensions.k8s.io', 'customresourcedefinitions')}${plural}.${group}`;
      const uid = uidOf(crd);
      const definition = registry.findStored(prefix);
      const tell = (reason: string, message: string): Promise<void> =>
        writeAsServer(
          env,
          key,
          (current) => {
            const status = objectAt(current, 'status') ?? {};
            const condition = { type: 'Terminating', status: 'True', reason, message };
            const before = arrayAt(status, 'conditions').filter(isObject);
            const conditions = withCondition(before, condition, env.clock.now());
            return equalJson(conditions, before) ? undefined : { ...current, status: { ...status, conditions } };
          },
          uid,
        );
      // Awaited, so that it is the barrier as well.
      await tell('InstanceDeletionInProgress', 'CustomResource deletion is in progress');
      const refusals = definition ? await removeAll(definition, prefix) : [];
      if (refusals.length > 0) {
        await tell('InstanceDeletionFailed', `could not delete instances: ${summary(refusals)}`);
      }
      if (definition && store.list(prefix).length > 0) return refusals;
      await removeFinalizer(store, key, uid, CRD_CLEANUP_FINALIZER);
      return [];
    },
  };
}
