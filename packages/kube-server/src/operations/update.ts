/**
 * Updates, whole (PUT) and in parts (PATCH), of an object or of its status.
 *
 * - U1 A decision is made on the newest accepted state of the object; a patch without resourceVersion never conflicts.
 * - U2 What the server owns (uid, creation, deletion, generation) comes from the current object, whatever was sent.
 * - U3 The main resource does not change the status and the status resource changes nothing else, where a kind has one.
 * - U4 A write that changes nothing is not written and keeps its resourceVersion.
 * - U5 An object that is being deleted goes away with its last finalizer, once its grace period is over.
 */

import type { AdmissionRequest } from '../admission/request.ts';
import { type ManagedFields, withoutManagedFields } from '../apply/field-tracker.ts';
import { equalButTimes } from '../apply/managed-fields.ts';
import { fieldError } from '../http/field-error.ts';
import { errors } from '../http/status.ts';
import { arrayAt, equalJson, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import { keyOf, type ResourceDefinition, type WriteContext } from '../registry/definition.ts';
import type { Decision, StoredObject } from '../store/object-store.ts';
import { present, toStored } from './convert.ts';
import type { Environment } from './environment.ts';
import { isFinished } from './finish.ts';
import { type InputOptions, readInput } from './input.ts';
import { assertValid } from './validation.ts';

export interface UpdateRequest extends InputOptions {
  readonly definition: ResourceDefinition;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly status: boolean;
  readonly context: WriteContext;
  /** The wanted object, from the current one. */
  readonly next: (current: Readonly<JsonObject>) => unknown;
  /** A PUT must name the version it was made from, where the kind asks for it. */
  readonly isReplace: boolean;
  /** A configuration to join with the current object; `next` is not asked then. */
  readonly apply?: { readonly config: Readonly<JsonObject>; readonly force: boolean };
  /** How policies see the write, where it comes through a subresource with a kind of its own. */
  readonly as?: Required<Pick<AdmissionRequest, 'subresource' | 'kind'>> & {
    readonly view: (object: Readonly<JsonObject>) => Readonly<JsonObject>;
  };
}

/** Resolves with the object as it is now, stored form. */
export async function updateObject(env: Environment, request: UpdateRequest): Promise<Readonly<JsonObject>> {
  const { definition, namespace, name } = request;
  let dryResult: JsonObject | undefined;
  const key = keyOf(definition, namespace, name);
  const result = await env.store.transact(key, (stored) => {
    if (!stored) throw errors.notFound(definition, name);
    const decision = decide(env, request, stored);
    if (!request.context.dryRun || decision.type === 'keep') return decision;
    dryResult = decision.object as JsonObject;
    return { type: 'keep' };
  });
  await definition.strategy.settled?.(key);
  return dryResult ?? (result as unknown as JsonObject);
}

function decide(env: Environment, request: UpdateRequest, stored: StoredObject): Decision {
  const { definition, context } = request;
  const current = present(definition, stored);
  const write = { definition, context, ...subresourceOf(request) };
  const { apply } = request;
  const sent = apply ? env.fields.applied(write, current, apply.config, apply.force) : split(request.next(current));
  const draft = readInput(definition, env.types, sent.object, request);
  definition.strategy.convertInput?.(draft);
  const metadata = objectAt(draft, 'metadata') ?? {};
  checkIdentity(request, current, metadata);
  const before = objectAt(current, 'metadata') ?? {};
  const merged = request.status ? { ...before } : ownMetadata(metadata, before);
  draft.metadata = merged;
  if (request.status) keepAllButStatus(draft, current);
  else if (definition.hasStatus) setOrDelete(draft, 'status', current.status);
  const managed = apply ? sent.managedFields : env.fields.updated(write, current, draft, sent.managedFields);
  setOrDelete(merged, 'managedFields', managed);
  if (request.status) definition.strategy.prepareStatusUpdate?.(draft, current);
  else definition.strategy.prepareUpdate?.(draft, current, context);
  if (definition.tracksGeneration && !request.status && isSpecChanged(definition, draft, current)) {
    merged.generation = Number(before.generation ?? 0) + 1;
  }
  const isChanged =
    !equalJson(withoutManagedFields(draft), withoutManagedFields(current)) ||
    !equalButTimes(managed, before.managedFields);
  if (isChanged) {
    checkFinalizers(definition, request.name, merged, before);
    checkManagers(definition, request.name, managed as ManagedFields);
    assertValid(definition, draft, current, request.warn);
  }
  admitUpdate(env, request, draft, current);
  if (!isChanged) return { type: 'keep' };
  const object = toStored(definition, draft);
  return isFinished(object) ? { type: 'delete', object } : { type: 'put', object };
}

/** What was sent, and its managedFields, which are not read as the rest is. */
function split(sent: unknown): { readonly object: unknown; readonly managedFields: unknown } {
  return isObject(sent)
    ? { object: withoutManagedFields(sent), managedFields: objectAt(sent, 'metadata')?.managedFields }
    : { object: sent, managedFields: undefined };
}

function subresourceOf({ as, status }: UpdateRequest): { readonly subresource?: string } {
  if (as) return { subresource: as.subresource };
  return status ? { subresource: 'status' } : {};
}

function admitUpdate(env: Environment, request: UpdateRequest, draft: JsonObject, current: Readonly<JsonObject>): void {
  const { definition, namespace, name, context, as } = request;
  env.admission.admit({
    operation: 'UPDATE',
    definition,
    namespace,
    name,
    context,
    ...subresourceOf(request),
    ...(as ? { kind: as.kind } : {}),
    object: as ? as.view(draft) : draft,
    oldObject: as ? as.view(current) : current,
  });
}

function checkIdentity(request: UpdateRequest, current: Readonly<JsonObject>, metadata: JsonObject): void {
  const { definition, name, namespace } = request;
  const before = objectAt(current, 'metadata') ?? {};
  const sentName = stringAt(metadata, 'name') ?? '';
  if (sentName !== '' && sentName !== name) {
    throw errors.badRequest(`the name of the object (${sentName}) does not match the name on the URL (${name})`);
  }
  const sentNamespace = stringAt(metadata, 'namespace') ?? '';
  if (sentNamespace !== '' && definition.namespaced && sentNamespace !== namespace) {
    throw errors.badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  const uid = stringAt(metadata, 'uid') ?? '';
  if (uid !== '' && uid !== before.uid) {
    if (!request.isReplace) {
      // Said by two checks in Kubernetes, and so two causes.
      const immutable = fieldError.invalid('metadata.uid', uid, 'field is immutable');
      throw errors.invalid(definition, name, [immutable, immutable]);
    }
    throw errors.conflict(
      definition,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${String(before.uid)}`,
    );
  }
  const version = stringAt(metadata, 'resourceVersion') ?? '';
  if (version === '' && request.isReplace && !definition.allowsBlindUpdate) {
    // Kubernetes names the resource here, not the kind.
    throw errors.invalid({ ...definition, kind: definition.plural }, name, [
      { ...fieldError.invalid('metadata.resourceVersion', 0, 'must be specified for an update') },
    ]);
  }
  if (version !== '' && version !== before.resourceVersion) throw errors.modified(definition, name);
}

const serverOwned = [
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'resourceVersion',
  'name',
  'namespace',
  'generateName',
] as const;

const MAX_MANAGER_BYTES = 128;

/** U2. */
function ownMetadata(sent: JsonObject, before: Readonly<JsonObject>): JsonObject {
  const merged: JsonObject = { ...sent };
  for (const field of serverOwned) setOrDelete(merged, field, before[field]);
  delete merged.selfLink;
  return merged;
}

function setOrDelete(target: JsonObject, field: string, value: unknown): void {
  if (value === undefined) delete target[field];
  else target[field] = value;
}

/** U3. */
function keepAllButStatus(draft: JsonObject, current: Readonly<JsonObject>): void {
  for (const key of Object.keys(draft)) if (key !== 'status' && key !== 'metadata') delete draft[key];
  for (const key of Object.keys(current)) if (key !== 'status' && key !== 'metadata') draft[key] = current[key];
}

function isSpecChanged(definition: ResourceDefinition, draft: JsonObject, current: Readonly<JsonObject>): boolean {
  const body = (object: Readonly<JsonObject>): JsonObject => {
    const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, status, ...rest } = object;
    return definition.hasStatus ? rest : { ...rest, status };
  };
  if (!equalJson(body(draft), body(current))) return true;
  return definition.strategy.isNewGeneration?.(draft, current) ?? false;
}

/** What a client sends as the owners of fields may be anything but so long. Found by four checks in Kubernetes, told once here. */
function checkManagers(definition: ResourceDefinition, name: string, managed: ManagedFields): void {
  const found = (managed ?? []).flatMap((entry, i) =>
    Buffer.byteLength(stringAt(entry, 'manager') ?? '') > MAX_MANAGER_BYTES
      ? [fieldError.tooLong(`metadata.managedFields[${i}].manager`, MAX_MANAGER_BYTES)]
      : [],
  );
  if (found.length > 0) throw errors.invalid(definition, name, found);
}

function checkFinalizers(
  definition: ResourceDefinition,
  name: string,
  metadata: JsonObject,
  before: Readonly<JsonObject>,
): void {
  if (before.deletionTimestamp === undefined) return;
  const old = arrayAt(before, 'finalizers');
  const added = arrayAt(metadata, 'finalizers').filter((finalizer) => !old.includes(finalizer));
  if (added.length === 0) return;
  const list = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  const fault = fieldError.forbidden(
    'metadata.finalizers',
    `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
  );
  throw errors.invalid(definition, name, [fault]);
}
