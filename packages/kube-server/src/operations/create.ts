import { randomUUID } from 'node:crypto';
import { ApiError, errors, failure } from '../http/status.ts';
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import { generateName, timestamp } from '../kinds/metadata.ts';
import { keyOf, type ResourceDefinition, storePrefix, type WriteContext } from '../registry/definition.ts';
import type { StoredObject } from '../store/object-store.ts';
import { toStored } from './convert.ts';
import type { Environment } from './environment.ts';
import { type InputOptions, readInput } from './input.ts';
import { assertValid } from './validation.ts';

export interface CreateRequest extends InputOptions {
  readonly definition: ResourceDefinition;
  readonly namespace: string | undefined;
  readonly value: unknown;
  readonly context: WriteContext;
  /** The applied configuration that the object comes from, where it does. */
  readonly config?: Readonly<JsonObject>;
}

const crdPrefix = storePrefix('apiextensions.k8s.io', 'customresourcedefinitions');
const namespacePrefix = storePrefix('', 'namespaces');
const namespaceSubject = { group: '', plural: 'namespaces', kind: 'Namespace' };

/** Creates an object. A name made from generateName that is taken is made again. */
export async function createObject(env: Environment, request: CreateRequest): Promise<Readonly<JsonObject>> {
  const { definition, namespace, context } = request;
  const draft = readInput(definition, env.types, request.value, request);
  const metadata = objectAt(draft, 'metadata') ?? {};
  checkNamespace(definition, metadata, namespace);
  if (stringAt(metadata, 'resourceVersion')) {
    // Kubernetes calls this a failure of its own and gives no reason.
    throw failure(500, undefined, 'resourceVersion should not be set on objects to be created');
  }
  const isGenerated = (stringAt(metadata, 'name') ?? '') === '' && (stringAt(metadata, 'generateName') ?? '') !== '';
  definition.strategy.convertInput?.(draft);
  const { config } = request;
  const write = { definition, context };
  const managedFields = config ? env.fields.createdByApply(write, config) : env.fields.created(write, draft);
  fillMetadata(definition, metadata, namespace, context);
  if (managedFields) metadata.managedFields = managedFields;
  if (definition.hasStatus && definition.custom) delete draft.status;
  for (let attempt = 1; ; attempt++) {
    if (isGenerated) metadata.name = generateName(stringAt(metadata, 'generateName') ?? '');
    if (attempt === 1) {
      definition.strategy.prepareCreate?.(draft, context);
      assertValid(definition, draft);
    }
    try {
      return await store(env, request, draft);
    } catch (error) {
      const isTaken =
        error instanceof Error &&
        'status' in error &&
        isObject(error.status) &&
        error.status.reason === 'AlreadyExists';
      if (!isGenerated || !isTaken || attempt === 8) throw error;
    }
  }
}

function checkNamespace(definition: ResourceDefinition, metadata: JsonObject, namespace: string | undefined): void {
  const own = stringAt(metadata, 'namespace') ?? '';
  if (!definition.namespaced) {
    if (own !== '') throw errors.badRequest('namespace specified for a non-namespaced object');
  } else if (own !== '' && own !== namespace) {
    throw errors.badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

function fillMetadata(
  definition: ResourceDefinition,
  metadata: JsonObject,
  namespace: string | undefined,
  { now }: WriteContext,
): void {
  if (definition.namespaced) metadata.namespace = namespace;
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(now);
  // Kinds that do not count generations keep what they are told.
  if (definition.tracksGeneration) metadata.generation = 1;
  for (const field of [
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'resourceVersion',
    'selfLink',
    'managedFields',
  ]) {
    delete metadata[field];
  }
  const own = definition.strategy.finalizers ?? [];
  if (own.length > 0) metadata.finalizers = [...new Set([...arrayAt(metadata, 'finalizers'), ...own])];
}

/** Objects come to be only in a namespace that exists and is not ending. */
function assertNamespace(env: Environment, definition: ResourceDefinition, namespace: string, name: string): void {
  const found: StoredObject | undefined = env.store.get(`${namespacePrefix}${namespace}`);
  if (!found) throw errors.notFound(namespaceSubject, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  const { status } = errors.forbidden(
    definition,
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  );
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  throw new ApiError({ ...status, details: { ...status.details, causes: [cause] } });
}

/** No new custom resources while their definition is going away. */
function assertDefinition(env: Environment, definition: ResourceDefinition): void {
  const crd = env.store.get(`${crdPrefix}${definition.plural}.${definition.group}`);
  if (crd && crd.metadata.deletionTimestamp === undefined) return;
  throw errors.forbidden(definition, '', 'create not allowed while custom resource definition is terminating');
}

async function store(env: Environment, request: CreateRequest, draft: JsonObject): Promise<Readonly<JsonObject>> {
  const { definition, namespace, context } = request;
  const name = stringAt(draft, 'metadata', 'name') ?? '';
  const key = keyOf(definition, namespace, name);
  const result = await env.store.transact(key, (current) => {
    if (current) throw errors.alreadyExists(definition, name);
    if (definition.custom) assertDefinition(env, definition);
    if (definition.namespaced) assertNamespace(env, definition, namespace ?? '', name);
    env.admission.admit({ operation: 'CREATE', definition, namespace, name, object: draft, oldObject: null, context });
    return context.dryRun
      ? { type: 'keep' }
      : { type: 'put', object: toStored(definition, { ...draft, metadata: { ...objectAt(draft, 'metadata') } }) };
  });
  await definition.strategy.settled?.(key);
  return (result as unknown as JsonObject | undefined) ?? draft;
}
