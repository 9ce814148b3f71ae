import { kindText } from '../apply/check-config.ts';
import { APPLY_YAML, readConfig } from '../http/apply-body.ts';
import { decodeObject, mediaType, readBody } from '../http/body.ts';
import { fieldError } from '../http/field-error.ts';
import { readFieldManager } from '../http/field-manager.ts';
import { type PatchFunction, readPatch } from '../http/patch-body.ts';
import type { ResourceCall, ResourceHandler } from '../http/resource-handler.ts';
import { errors } from '../http/status.ts';
import { cloneJson, ensureObject, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import { selectorText } from '../kinds/selector-rules.ts';
import { present } from '../operations/convert.ts';
import type { Environment } from '../operations/environment.ts';
import { updateObject } from '../operations/update.ts';
import { keyOf, type ResourceDefinition, type ScaleDefinition } from '../registry/definition.ts';
import type { StoredObject } from '../store/object-store.ts';
import { scaleColumns } from '../table/scale-columns.ts';

const steps = (path: string): readonly string[] => path.split('.').filter((part) => part !== '');

function toScale(scale: ScaleDefinition, object: Readonly<JsonObject>): JsonObject {
  const metadata = objectAt(object, 'metadata') ?? {};
  const kept = ['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp'];
  const selector =
    scale.labelSelectorPath === undefined ? undefined : valueAt(object, ...steps(scale.labelSelectorPath));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: Object.fromEntries(kept.map((field) => [field, metadata[field]])),
    spec: { replicas: valueAt(object, ...steps(scale.specReplicasPath)) ?? 0 },
    status: {
      replicas: valueAt(object, ...steps(scale.statusReplicasPath)) ?? 0,
      ...(typeof selector === 'string' ? { selector } : isObject(selector) ? { selector: readable(selector) } : {}),
    },
  };
}

/** Built-in kinds select by an object: a `LabelSelector`, or a plain map in the oldest of them. */
function readable(selector: Readonly<JsonObject>): string {
  const isSelector = isObject(selector.matchLabels) || Array.isArray(selector.matchExpressions);
  return selectorText(isSelector ? selector : { matchLabels: selector });
}

/** Custom resources are judged as what they are, built-in kinds as the scale that was sent. */
function notCountable(definition: ResourceDefinition, scale: ScaleDefinition, name: string, replicas: unknown): Error {
  if (definition.custom) {
    const why = 'should be a non-negative integer';
    return errors.invalid(definition, name, [fieldError.invalid(scale.specReplicasPath, replicas, why)]);
  }
  const why = 'must be greater than or equal to 0';
  return errors.invalid({ group: 'autoscaling', kind: 'Scale' }, name, [
    fieldError.invalid('spec.replicas', replicas, why),
  ]);
}

function withReplicas(
  definition: ResourceDefinition,
  scale: ScaleDefinition,
  object: Readonly<JsonObject>,
  wanted: unknown,
): JsonObject {
  const replicas = valueAt(wanted, 'spec', 'replicas') ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
    throw notCountable(definition, scale, stringAt(object, 'metadata', 'name') ?? '', replicas);
  }
  const next = cloneJson(object) as JsonObject;
  const path = steps(scale.specReplicasPath);
  let holder = next;
  for (const part of path.slice(0, -1)) holder = ensureObject(holder, part);
  holder[path.at(-1) ?? ''] = replicas;
  const version = stringAt(wanted, 'metadata', 'resourceVersion');
  if (version !== undefined && version !== '') ensureObject(next, 'metadata').resourceVersion = version;
  return next;
}

/** An applied Scale, as the part of the scaled object that it speaks of. */
async function readScale(
  body: Buffer,
  { definition, path }: ResourceCall,
  scale: ScaleDefinition,
): Promise<JsonObject> {
  const sent = await readConfig(body.toString('utf8'), 'Ignore', () => {});
  if (sent.kind !== 'Scale' || sent.apiVersion !== 'autoscaling/v1') {
    throw errors.badRequest(`invalid object type: ${kindText(String(sent.apiVersion), String(sent.kind))}`);
  }
  const object = withReplicas(definition, scale, { metadata: { name: path.name } }, sent);
  return { apiVersion: definition.apiVersion, kind: definition.kind, ...object };
}

/** The `scale` subresource. */
export async function serveScale(
  call: ResourceCall,
  scale: ScaleDefinition,
  env: Environment,
  send: ResourceHandler['send'],
): Promise<void> {
  const { request, path, definition, query } = call;
  const name = path.name ?? '';
  const answer = (object: Readonly<JsonObject>): void =>
    send(
      { ...call, definition: { ...definition, columns: scaleColumns } },
      200,
      toScale(scale, present(definition, object as unknown as StoredObject)),
    );

  if (request.method === 'GET') {
    const stored = env.store.get(keyOf(definition, path.namespace, name));
    if (!stored) throw errors.notFound(definition, name);
    answer(stored as unknown as JsonObject);
    return;
  }
  if (request.method !== 'PUT' && request.method !== 'PATCH') {
    throw errors.methodNotAllowed(request.method?.toLowerCase() ?? '', definition);
  }
  const body = await readBody(request);
  const isApply = request.method === 'PATCH' && mediaType(request) === APPLY_YAML;
  const fieldManager = readFieldManager(request, query, isApply);
  const apply = isApply
    ? { config: await readScale(body, call, scale), force: query.get('force') === 'true' }
    : undefined;
  const change: PatchFunction = apply
    ? (current) => current
    : request.method === 'PATCH'
      ? readPatch(mediaType(request), body.toString('utf8'), definition)
      : await decodeObject(body, mediaType(request), false).then(
          ({ value }) =>
            () =>
              value,
        );
  const updated = await updateObject(env, {
    definition,
    namespace: path.namespace,
    name,
    status: false,
    context: { now: env.clock.now(), user: call.user, dryRun: query.get('dryRun') === 'All', fieldManager },
    ...(apply ? { apply } : {}),
    fieldValidation: 'Ignore',
    duplicates: [],
    warn: () => {},
    isReplace: false,
    as: {
      subresource: 'scale',
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      view: (object) => toScale(scale, object),
    },
    next: (current) => {
      const wanted = change(toScale(scale, current));
      if (!isObject(wanted)) throw errors.badRequest('the body is no Scale');
      return withReplicas(definition, scale, current, wanted);
    },
  });
  answer(updated);
}
