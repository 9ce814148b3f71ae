import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebSocket } from 'ws';
import { arrayAt, isObject, type JsonObject, stringAt } from '../json.ts';
import { applyObject } from '../operations/apply.ts';
import { present } from '../operations/convert.ts';
import { createObject } from '../operations/create.ts';
import { deleteObject } from '../operations/delete.ts';
import { optionsOfQuery, readDeleteOptions } from '../operations/delete-options.ts';
import type { Environment } from '../operations/environment.ts';
import { type FieldValidation, readFieldValidation } from '../operations/input.ts';
import { listObjects } from '../operations/list.ts';
import { asksForWatch, readListOptions } from '../operations/list-options.ts';
import { updateObject } from '../operations/update.ts';
import { keyOf, type ResourceDefinition, type WriteContext } from '../registry/definition.ts';
import type { StoredObject } from '../store/object-store.ts';
import { createLastText } from '../watch/lines.ts';
import { responseSink, socketSink } from '../watch/sink.ts';
import { serveWatch, type WatchLimits } from '../watch/watch.ts';
import { APPLY_YAML, prepareConfig, readConfig } from './apply-body.ts';
import { decodeObject, decodeOptions, mediaType, readBody } from './body.ts';
import { duplicateFields } from './duplicate-fields.ts';
import { readFieldManager } from './field-manager.ts';
import type { UserInfo } from './identity.ts';
import { parseMerged } from './merged-json.ts';
import { negotiateWatch } from './negotiate.ts';
import { readPatch } from './patch-body.ts';
import { sendList, sendObject } from './renderings.ts';
import type { ResourcePath } from './request-info.ts';
import { sendJson, sendText, warningHeader } from './respond.ts';
import { errors, success } from './status.ts';

/** One request on a known resource. */
export interface ResourceCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: ResourcePath;
  readonly definition: ResourceDefinition;
  readonly query: URLSearchParams;
  readonly user: UserInfo;
  /** Told the name of an object that its path does not have. */
  readonly onNamed?: (name: string) => void;
  /** Where the client asks for a WebSocket. */
  readonly upgrade?: Upgrade;
}

/** Another protocol that a client offers to speak. */
export interface Upgrade {
  /** Changes to it; the response is of no use after. */
  accept(): WebSocket;
}

export interface ResourceHandlerOptions {
  readonly env: Environment;
  readonly limits: WatchLimits;
  readonly signal: AbortSignal;
}

/** Answers requests on resources and on their status. */
export interface ResourceHandler {
  readonly handle: (call: ResourceCall) => Promise<void>;
  /** Sends an object in the form that the client asked for. */
  readonly send: (call: ResourceCall, code: number, object: Readonly<JsonObject>) => void;
}

export function createResourceHandler({ env, limits, signal }: ResourceHandlerOptions): ResourceHandler {
  const texts = createLastText();
  // Every open watch listens to it.
  setMaxListeners(0, signal);

  const contextOf = (call: ResourceCall, options?: Readonly<JsonObject>): WriteContext => ({
    now: env.clock.now(),
    user: call.user,
    fieldManager: readFieldManager(call.request, call.query, isApply(call)),
    dryRun: readDryRun(call, options),
    warn: (text) => warn(call, text),
  });

  const send = (call: ResourceCall, code: number, object: Readonly<JsonObject>): void =>
    sendObject(call, code, object, env.clock);

  const sendStored = (call: ResourceCall, code: number, stored: Readonly<JsonObject>): void =>
    send(call, code, present(call.definition, stored as unknown as StoredObject));

  const list = async (call: ResourceCall): Promise<void> => {
    const { definition, path, query, request, response, upgrade } = call;
    if (asksForWatch(query)) {
      const rendering = negotiateWatch(request.headers.accept);
      const asked = { definition, namespace: path.namespace, query, rendering };
      const openSink = () => (upgrade ? socketSink(upgrade.accept()) : responseSink(response));
      serveWatch(env, asked, openSink, limits, texts, signal);
      return;
    }
    const result = listObjects(env, definition, path.namespace, readListOptions(definition, query));
    await sendList(call, result, env);
  };

  const get = (call: ResourceCall): void => {
    const { definition, path } = call;
    const name = path.name ?? '';
    const stored = env.store.get(keyOf(definition, path.namespace, name));
    if (!stored) throw errors.notFound(definition, name);
    sendStored(call, 200, stored as unknown as JsonObject);
  };

  const create = async (call: ResourceCall): Promise<void> => {
    const { definition, path } = call;
    const { value, options } = await readObject(call);
    if (definition.namespaced && path.namespace === undefined) {
      if (!definition.custom) throw errors.methodNotAllowed('create', definition);
      throw errors.badRequest('an empty namespace may not be set during creation');
    }
    const request = { ...options, definition, namespace: path.namespace, value, context: contextOf(call) };
    call.onNamed?.(isObject(value) ? (stringAt(value, 'metadata', 'name') ?? '') : '');
    const made = await createObject(env, request);
    call.onNamed?.(stringAt(made, 'metadata', 'name') ?? '');
    sendStored(call, 201, made);
  };

  const replace = async (call: ResourceCall): Promise<void> => {
    const { definition, path } = call;
    const { value, options } = await readObject(call);
    if (isObject(value) && (stringAt(value, 'metadata', 'name') ?? '') === '') {
      throw errors.badRequest('name must be provided');
    }
    const updated = await updateObject(env, {
      ...options,
      definition,
      namespace: path.namespace,
      name: path.name ?? '',
      status: path.subresource === 'status',
      context: contextOf(call),
      next: () => value,
      isReplace: true,
    });
    sendStored(call, 200, updated);
  };

  const apply = async (call: ResourceCall): Promise<void> => {
    const { definition, path, request, query } = call;
    const context = contextOf(call);
    const options = inputOptions(call, []);
    const sent = await readConfig((await readBody(request)).toString('utf8'), options.fieldValidation, options.warn);
    const isStatus = path.subresource === 'status';
    const config = prepareConfig(sent, { ...options, definition, isStatus, schema: env.fields.schemaOf(definition) });
    const { isNew, object } = await applyObject(env, {
      ...options,
      definition,
      namespace: path.namespace,
      name: path.name ?? '',
      status: isStatus,
      context,
      config,
      force: isTrue(query.get('force')),
    });
    sendStored(call, isNew ? 201 : 200, object);
  };

  const patch = async (call: ResourceCall): Promise<void> => {
    if (isApply(call)) return await apply(call);
    const { definition, path, request } = call;
    const text = (await readBody(request)).toString('utf8');
    const next = readPatch(mediaType(request), text, definition);
    const updated = await updateObject(env, {
      ...inputOptions(call, duplicateFields(text)),
      patch: text,
      definition,
      namespace: path.namespace,
      name: path.name ?? '',
      status: path.subresource === 'status',
      context: contextOf(call),
      next,
      isReplace: false,
    });
    sendStored(call, 200, updated);
  };

  const remove = async (call: ResourceCall): Promise<void> => {
    const { definition, path } = call;
    const body = await readOptions(call);
    const options = readDeleteOptions(body);
    const name = path.name ?? '';
    const context = contextOf(call, body);
    const { isGone, object } = await deleteObject(env, {
      definition,
      namespace: path.namespace,
      name,
      options,
      context,
    });
    const uid = stringAt(object, 'metadata', 'uid');
    const about = { name, ...(definition.group === '' ? {} : { group: definition.group }), kind: definition.plural };
    if (isGone && definition.strategy.returnsDeleted !== true)
      sendJson(call.response, 200, success({ ...about, ...(uid === undefined ? {} : { uid }) }));
    else sendStored(call, body.orphanDependents === false ? 202 : 200, object);
  };

  const removeAll = async (call: ResourceCall): Promise<void> => {
    const { definition, path, query } = call;
    if (definition.namespaced && path.namespace === undefined) {
      if (!definition.custom) throw errors.methodNotAllowed('deletecollection', definition);
      sendText(call.response, 404, 'text/plain; charset=utf-8', '404 page not found\n');
      return;
    }
    const body = await readOptions(call);
    const options = readDeleteOptions(body);
    const context = contextOf(call, body);
    const result = listObjects(env, definition, path.namespace, readListOptions(definition, query));
    await Promise.all(
      result.items.map(async ({ metadata }) => {
        const one = {
          definition,
          namespace: stringAt(metadata, 'namespace'),
          name: String(metadata.name),
          options,
          context,
        };
        await deleteObject(env, one).catch((error: unknown) => {
          // Somebody else was faster: what was asked for is done.
          if (!(isObject(error) && stringAt(error, 'status', 'reason') === 'NotFound')) throw error;
        });
      }),
    );
    await sendList(call, result, env);
  };

  /** A body says all; only where there is none, the query is asked. */
  const readOptions = async ({ request, query }: ResourceCall): Promise<Readonly<JsonObject>> =>
    (await decodeOptions(await readBody(request), mediaType(request))) ?? optionsOfQuery(query);

  const readObject = async (call: ResourceCall) => {
    const validation = readFieldValidation(call.query.get('fieldValidation'));
    const body = await readBody(call.request);
    const decoded = await decodeObject(body, mediaType(call.request), true);
    const isMerged = decoded.duplicates.length > 0 && !call.definition.custom;
    const value = isMerged ? parseMerged(body.toString('utf8')) : decoded.value;
    return { value, options: inputOptions(call, decoded.duplicates, validation) };
  };

  const handle = async (call: ResourceCall): Promise<void> => {
    const { definition, path, request, response } = call;
    const { subresource, name } = path;
    if (definition.deprecationWarning !== undefined) {
      response.setHeader('warning', warningHeader(definition.deprecationWarning));
    }
    const isStatus = subresource === 'status';
    const { method = 'GET' } = request;
    switch (method) {
      case 'GET':
      case 'HEAD':
        return name === undefined ? await list(call) : get(call);
      case 'POST':
        // Kubernetes serves custom resources by other rules: a name in the path is not looked at.
        if (name !== undefined && !definition.custom) throw errors.methodNotAllowed('create', definition);
        return await create(call);
      case 'PUT':
        if (name === undefined) throw withoutName('update', definition);
        return await replace(call);
      case 'PATCH':
        if (name === undefined) throw withoutName('patch', definition);
        return await patch(call);
      case 'DELETE':
        if (isStatus) throw errors.methodNotAllowed('delete', definition);
        if (name !== undefined) return await remove(call);
        if (!definition.verbs.includes('deletecollection'))
          throw errors.methodNotAllowed('deletecollection', definition);
        return await removeAll(call);
      default:
        throw errors.methodNotAllowed(method.toLowerCase(), definition);
    }
  };

  return { handle, send };
}

function withoutName(verb: string, definition: ResourceDefinition): Error {
  return definition.custom ? errors.badRequest('name must be provided') : errors.methodNotAllowed(verb, definition);
}

/** Deletions say it with their other options. */
function readDryRun({ query, request }: ResourceCall, options: Readonly<JsonObject> | undefined): boolean {
  const asked = options ? arrayAt(options, 'dryRun') : query.getAll('dryRun');
  if (asked.every((value) => value === 'All')) return asked.length > 0;
  throw errors.invalid({ group: 'meta.k8s.io', kind: optionKinds[request.method ?? ''] ?? 'ListOptions' }, '', [
    { type: 'FieldValueNotSupported', field: 'dryRun', value: asked, detail: 'supported values: "All"' },
  ]);
}

const optionKinds: Readonly<Record<string, string>> = {
  POST: 'CreateOptions',
  PUT: 'UpdateOptions',
  PATCH: 'PatchOptions',
  DELETE: 'DeleteOptions',
};

function isApply({ request }: ResourceCall): boolean {
  return request.method === 'PATCH' && mediaType(request) === APPLY_YAML;
}

const isTrue = (value: string | null): boolean => value === 'true' || value === '1';

function inputOptions(call: ResourceCall, duplicates: readonly string[], validation?: FieldValidation) {
  return {
    fieldValidation: validation ?? readFieldValidation(call.query.get('fieldValidation')),
    duplicates,
    warn: (text: string): void => warn(call, text),
  };
}

function warn({ response }: ResourceCall, text: string): void {
  if (!response.headersSent) response.appendHeader('warning', warningHeader(text));
}
