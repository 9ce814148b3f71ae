import { errors } from '../http/status.ts';
import { arrayAt, isObject, type JsonObject, objectAt } from '../json.ts';
import { timestamp } from '../kinds/metadata.ts';
import { keyOf, type ResourceDefinition, type WriteContext } from '../registry/definition.ts';
import type { Decision, StoredObject } from '../store/object-store.ts';
import { present } from './convert.ts';
import type { DeleteOptions } from './delete-options.ts';
import type { Environment } from './environment.ts';
import { holders } from './finish.ts';

export const ORPHAN_FINALIZER = 'orphan';
export const FOREGROUND_FINALIZER = 'foregroundDeletion';

export interface DeleteRequest {
  readonly definition: ResourceDefinition;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly options: DeleteOptions;
  readonly context: WriteContext;
  /** Policies were asked already, about the request that this deletion is part of. */
  readonly isAdmitted?: boolean;
}

export interface DeleteResult {
  /** Gone now; otherwise it waits for its finalizers or its node. */
  readonly isGone: boolean;
  readonly object: Readonly<JsonObject>;
}

/** Deletes an object, or marks it so that it goes away when its finalizers and its node let it. */
export async function deleteObject(env: Environment, request: DeleteRequest): Promise<DeleteResult> {
  const { definition, namespace, name, context } = request;
  let isGone = false;
  let shown: Readonly<JsonObject> | undefined;
  const result = await env.store.transact(keyOf(definition, namespace, name), (current) => {
    if (!current) throw errors.notFound(definition, name);
    checkPreconditions(request, current);
    definition.strategy.beforeDelete?.(current as unknown as JsonObject);
    const oldObject = present(definition, current);
    if (!request.isAdmitted) {
      env.admission.admit({ operation: 'DELETE', definition, namespace, name, object: null, oldObject, context });
    }
    const decision = decide(request, current);
    isGone = decision.type === 'delete';
    if (!context.dryRun) return decision;
    shown = decision.type === 'keep' ? (current as unknown as JsonObject) : decision.object;
    return { type: 'keep' };
  });
  const { propagationWarning } = definition.strategy;
  if (propagationWarning !== undefined && request.options.propagationPolicy === undefined) {
    context.warn?.(propagationWarning);
  }
  return { isGone, object: shown ?? (result as unknown as JsonObject) };
}

function checkPreconditions({ definition, name, options }: DeleteRequest, current: StoredObject): void {
  const { uid, resourceVersion } = current.metadata;
  // Kubernetes names the kind here, where other conflicts name the resource.
  const subject = { ...definition, plural: definition.kind };
  if (options.uid !== undefined && options.uid !== uid) {
    throw errors.conflict(
      subject,
      name,
      `the UID in the precondition (${options.uid}) does not match the UID in record (${String(uid)}). The object might have been deleted and then recreated`,
    );
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    throw errors.conflict(
      subject,
      name,
      `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}

function decide({ definition, options: asked, context }: DeleteRequest, stored: StoredObject): Decision {
  const { defaultPropagation } = definition.strategy;
  const options = defaultPropagation ? { propagationPolicy: defaultPropagation, ...asked } : asked;
  const current = stored as unknown as Readonly<JsonObject>;
  const metadata = objectAt(current, 'metadata') ?? {};
  const isMarked = metadata.deletionTimestamp !== undefined;
  const grace = graceOf(definition, current, options);
  const added = isMarked ? [] : (definition.strategy.deletionFinalizers ?? []);
  const finalizers = [...new Set([...finalizersFor(metadata, options), ...added])];
  const own = arrayAt(metadata, 'finalizers').length;
  const waits = holders(current).length - own + finalizers.length > 0 || grace > 0;
  if (!waits) return { type: 'delete', object: lastState(definition, current, context.now) };
  const before = Number(metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY);
  const isShorter = grace < before && !(isMarked && metadata.deletionGracePeriodSeconds === undefined);
  const sameFinalizers = finalizers.length === arrayAt(metadata, 'finalizers').length;
  if (isMarked && !isShorter && sameFinalizers) return { type: 'keep' };
  const marked: JsonObject = { ...metadata, finalizers };
  if (finalizers.length === 0) delete marked.finalizers;
  if (!isMarked || isShorter) {
    marked.deletionTimestamp = timestamp(new Date(context.now.getTime() + grace * 1000));
    marked.deletionGracePeriodSeconds = grace;
  }
  if (!isMarked && definition.tracksGeneration) marked.generation = Number(metadata.generation ?? 0) + 1;
  const object: JsonObject = { ...current, metadata: marked };
  if (definition.kind === 'Namespace' && definition.group === '') {
    delete marked.deletionGracePeriodSeconds;
    object.status = { ...(isObject(current.status) ? current.status : {}), phase: 'Terminating' };
  }
  const begun = isMarked ? undefined : definition.strategy.beginDeletion?.(object, current, context.now);
  return { type: 'put', object: begun ?? object };
}

/** What watchers and the client see last. Kinds that end gracefully tell when they ended. */
function lastState(definition: ResourceDefinition, current: Readonly<JsonObject>, now: Date): Readonly<JsonObject> {
  if (!definition.strategy.gracePeriod) return current;
  const metadata = objectAt(current, 'metadata') ?? {};
  const isMarked = metadata.deletionTimestamp !== undefined;
  return {
    ...current,
    metadata: {
      ...metadata,
      ...(isMarked ? {} : { generation: Number(metadata.generation ?? 0) + 1, deletionTimestamp: timestamp(now) }),
      deletionGracePeriodSeconds: 0,
    },
  };
}

function graceOf(definition: ResourceDefinition, current: Readonly<JsonObject>, options: DeleteOptions): number {
  return definition.strategy.gracePeriod?.(current, options.gracePeriodSeconds) ?? 0;
}

/** The propagation policy is kept in a finalizer, so that the collector carries it out whatever happens before. */
function finalizersFor(metadata: Readonly<JsonObject>, options: DeleteOptions): readonly string[] {
  const finalizers = arrayAt(metadata, 'finalizers').map(String);
  if (options.propagationPolicy === undefined) return finalizers;
  const others = finalizers.filter((f) => f !== ORPHAN_FINALIZER && f !== FOREGROUND_FINALIZER);
  switch (options.propagationPolicy) {
    case 'Orphan':
      return [...others, ORPHAN_FINALIZER];
    case 'Foreground':
      return [...others, FOREGROUND_FINALIZER];
    case 'Background':
      return others;
  }
}
