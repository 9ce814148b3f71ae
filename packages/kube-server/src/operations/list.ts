import { type FieldError, fieldError } from '../http/field-error.ts';
import { errors, failure } from '../http/status.ts';
import { prefixOf, type ResourceDefinition } from '../registry/definition.ts';
import type { ObjectStore, StoredObject } from '../store/object-store.ts';
import { present } from './convert.ts';
import type { Environment } from './environment.ts';
import { both, fieldSelector, labelSelector, type Predicate } from './selectors.ts';

export interface ListResult {
  readonly items: readonly StoredObject[];
  readonly revision: number;
  readonly continueToken?: string;
  readonly remaining?: number;
}

export function selectorOf(definition: ResourceDefinition, query: URLSearchParams): Predicate | undefined {
  return both(
    labelSelector(query.get('labelSelector')),
    fieldSelector(query.get('fieldSelector'), definition.fieldSelectors),
  );
}

/** Watches answer a text that is no version otherwise than lists do: a failure without a reason. */
export function readVersion(query: URLSearchParams, watches = false): number | undefined {
  const text = query.get('resourceVersion');
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) {
    const why = `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw watches ? failure(500, undefined, why) : errors.badRequest(`invalid resource version: ${why}`);
  }
  return Number(text);
}

const expired = (): Error =>
  errors.expired(
    'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
  );

/** Lists what a query asks for: selectors, pages, and the version it wants to see. */
export function listObjects(
  env: Environment,
  definition: ResourceDefinition,
  namespace: string | undefined,
  query: URLSearchParams,
): ListResult {
  checkMatch(query);
  const limit = readLimit(query);
  const token = query.get('continue');
  if (token !== null && token !== '') {
    if (!/^[0-9a-f-]{36}$/.test(token))
      throw errors.badRequest('continue key is not valid: it is not one of this server');
    const snapshot = env.snapshots.get(token);
    if (!snapshot) throw expired();
    return page(env, snapshot.rest, snapshot.revision, limit);
  }
  const selected = selectorOf(definition, query);
  const { items, revision } = stateFor(env.store, prefixOf(definition, namespace), query);
  const wanted = selected ? items.filter((item) => selected(present(definition, item))) : items;
  return page(env, wanted, revision, limit);
}

function checkMatch(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? '';
  if (match === '') return;
  const field = 'resourceVersionMatch';
  const version = query.get('resourceVersion') ?? '';
  const found: FieldError[] = [];
  if (version === '') {
    found.push(fieldError.forbidden(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
  }
  if ((query.get('continue') ?? '') !== '') {
    found.push(fieldError.forbidden(field, 'resourceVersionMatch is forbidden when continue is provided'));
  }
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    const detail = 'supported values: "Exact", "NotOlderThan", ""';
    found.push({ type: 'FieldValueNotSupported', field, value: match, detail });
  }
  if (match === 'Exact' && version === '0') {
    found.push(fieldError.forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (found.length > 0) throw errors.invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', found);
}

function readLimit(query: URLSearchParams): number {
  const text = query.get('limit');
  if (text === null || text === '') return 0;
  if (!/^-?\d+$/.test(text)) throw errors.badRequest(`limit "${text}" is not a whole number`);
  // Less than nothing is no limit.
  return Math.max(0, Number(text));
}

function stateFor(
  store: ObjectStore,
  prefix: string,
  query: URLSearchParams,
): { readonly items: readonly StoredObject[]; readonly revision: number } {
  const wanted = readVersion(query);
  const current = store.revision;
  const match = query.get('resourceVersionMatch');
  if (wanted !== undefined && wanted > current) throw errors.tooLargeVersion(wanted, current);
  if (match === 'Exact' && wanted !== undefined && wanted < current) {
    return { items: stateAt(store, prefix, wanted), revision: wanted };
  }
  return { items: store.list(prefix).map(({ object }) => object), revision: current };
}

/** The state at an older version: today's, with the changes since then taken back. */
function stateAt(store: ObjectStore, prefix: string, version: number): readonly StoredObject[] {
  if (version < store.oldestRevision) throw errors.expired(`The resourceVersion for the provided list is too old.`);
  const state = new Map(store.list(prefix).map(({ key, object }) => [key, object]));
  const undo: (() => void)[] = [];
  const stop = store.subscribe(prefix, version, ({ key, previous }) => {
    undo.push(() => (previous ? state.set(key, previous) : state.delete(key)));
  });
  stop(); // the past is told at once; the future does not concern us
  for (const step of undo.reverse()) step();
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}

function page(env: Environment, items: readonly StoredObject[], revision: number, limit: number): ListResult {
  if (limit === 0 || items.length <= limit) return { items, revision };
  const rest = items.slice(limit);
  return {
    items: items.slice(0, limit),
    revision,
    continueToken: env.snapshots.put({ revision, rest }),
    remaining: rest.length,
  };
}
