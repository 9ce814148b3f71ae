import { errors } from '../http/status.ts';
import { isObject, type JsonObject, stringAt } from '../json.ts';
import { keyOf, type ResourceDefinition, type WriteContext } from '../registry/definition.ts';
import { createObject } from './create.ts';
import type { Environment } from './environment.ts';
import type { InputOptions } from './input.ts';
import { updateObject } from './update.ts';

export interface ApplyRequest extends InputOptions {
  readonly definition: ResourceDefinition;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly status: boolean;
  readonly context: WriteContext;
  /** Checked and normalised. */
  readonly config: Readonly<JsonObject>;
  readonly force: boolean;
}

export interface ApplyResult {
  readonly isNew: boolean;
  readonly object: Readonly<JsonObject>;
}

/** How often an object may come or go between the look at it and the write. */
const MAX_ATTEMPTS = 8;

/** Server-side apply: makes an object, or lays a configuration over the one that is there. */
export async function applyObject(env: Environment, request: ApplyRequest): Promise<ApplyResult> {
  const { definition, namespace, name, status, config, force, ...options } = request;
  const key = keyOf(definition, namespace, name);
  for (let attempt = 1; ; attempt++) {
    const isNew = !status && env.store.get(key) === undefined;
    try {
      if (isNew) return { isNew, object: await create(env, request) };
      const next = (): never => {
        throw new Error('an applied configuration is joined with the object, not computed from it');
      };
      const target = { ...options, definition, namespace, name, status };
      const object = await updateObject(env, { ...target, apply: { config, force }, next, isReplace: false });
      return { isNew, object };
    } catch (error) {
      const isOvertaken = hasReason(error, isNew ? 'AlreadyExists' : 'NotFound');
      if (status || !isOvertaken || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

function create(env: Environment, request: ApplyRequest): Promise<Readonly<JsonObject>> {
  const { config, name } = request;
  const { resourceVersion: _resourceVersion, ...metadata } = isObject(config.metadata) ? config.metadata : {};
  checkIdentity(request, metadata);
  const value = { ...config, metadata: { ...metadata, name } };
  return createObject(env, { ...request, value, config });
}

/** What an object that is there is found by, a new one must say itself. */
function checkIdentity({ definition, name }: ApplyRequest, metadata: Readonly<JsonObject>): void {
  const sent = stringAt(metadata, 'name') ?? '';
  if (sent === '') {
    const why = 'name must be provided';
    throw errors.badRequest(`the name of the object (${name} based on URL) was undeterminable: ${why}`);
  }
  if (sent !== name) {
    throw errors.badRequest(`the name of the object (${sent}) does not match the name on the URL (${name})`);
  }
  const uid = stringAt(metadata, 'uid') ?? '';
  if (uid === '') return;
  const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
  throw errors.conflict(definition, name, why);
}

function hasReason(error: unknown, reason: string): boolean {
  return error instanceof Error && 'status' in error && stringAt(error.status, 'reason') === reason;
}
