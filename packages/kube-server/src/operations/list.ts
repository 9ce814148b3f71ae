/**
 * Lists, whole and in pages.
 *
 * - P1 All pages of a list show the state at the version of its first page, whatever was written since. Where that
 *   state is forgotten the answer is 410 with a token that goes on from the same place in the present.
 * - P2 A token says all that the next page needs, so it outlives a restart of the server. It is as good as a query: it
 *   selects nothing that the client could not list.
 * - P3 How many items remain is told only where nothing selects: to know it else would mean to look at all of them.
 */
import { errors, failure } from '../http/status.ts';
import { prefixOf, type ResourceDefinition } from '../registry/definition.ts';
import type { ObjectStore, StoredObject } from '../store/object-store.ts';
import { compareKeys } from '../store/sorted-keys.ts';
import { type Continuation, readToken, writeToken } from './continue-token.ts';
import { present } from './convert.ts';
import type { Environment } from './environment.ts';
import type { ListOptions } from './list-options.ts';

export interface ListResult {
  readonly items: readonly StoredObject[];
  readonly revision: number;
  readonly continueToken?: string;
  readonly remaining?: number;
}

/** Objects in the order of their keys. */
export type State = readonly { readonly key: string; readonly object: StoredObject }[];

/** What a list is made from. */
export type Lists = Pick<Environment, 'store' | 'snapshots'>;

/** Lists what a query asks for: selectors, pages, and the version it wants to see. */
export function listObjects(
  env: Lists,
  definition: ResourceDefinition,
  namespace: string | undefined,
  options: ListOptions,
): ListResult {
  const prefix = prefixOf(definition, namespace);
  const { continueToken, selected, limit, version } = options;
  const place = continueToken === undefined ? undefined : readToken(continueToken);
  const { state, revision } = place ? stateOfPage(env, prefix, place) : firstState(env, prefix, options);
  const from = place ? firstAt(state, `${prefix}${place.start}`) : 0;
  const matches = ({ object }: State[number]): boolean => !selected || selected(present(definition, object));
  // The newest state that is at hand is shown whole, as Kubernetes does from its cache.
  const isWhole = limit === 0 || version === 0;
  if (isWhole) {
    const shown = state.slice(from).filter(matches);
    return { items: shown.map(({ object }) => object), revision };
  }
  const items: StoredObject[] = [];
  let at = from;
  for (; at < state.length && items.length < limit; at++) {
    const entry = state[at] as State[number];
    if (matches(entry)) items.push(entry.object);
  }
  if (at >= state.length) return { items, revision };
  env.snapshots.keep(prefix, revision, state);
  const last = state[at - 1]?.key.slice(prefix.length) ?? '';
  return {
    items,
    revision,
    continueToken: writeToken({ revision, start: `${last}\0` }),
    ...(selected ? {} : { remaining: state.length - at }), // P3
  };
}

interface Shown {
  readonly state: State;
  readonly revision: number;
}

function firstState({ store }: Lists, prefix: string, { version, match, limit }: ListOptions): Shown {
  const current = store.revision;
  if (version !== undefined && version > current) throw errors.tooLargeVersion(version, current);
  // A version with a limit means that version, where nothing else is said: so it was before one could say it.
  const isExact = match === 'Exact' || (match === undefined && limit > 0 && version !== 0);
  if (isExact && version !== undefined && version < current) {
    const state = stateAt(store, prefix, version);
    if (!state) throw errors.expired('The resourceVersion for the provided list is too old.');
    return { state, revision: version };
  }
  return { state: store.list(prefix), revision: current };
}

/** P1. */
function stateOfPage({ store, snapshots }: Lists, prefix: string, { revision, start }: Continuation): Shown {
  if (revision === undefined) return { state: store.list(prefix), revision: store.revision };
  if (revision > store.revision) throw errors.tooLargeVersion(revision, store.revision);
  const state =
    snapshots.find(prefix, revision) ??
    (revision === store.revision ? store.list(prefix) : stateAt(store, prefix, revision));
  if (!state) throw expired(start);
  return { state, revision };
}

function expired(start: string): Error {
  const { status } = errors.expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
  );
  return failure(status.code, status.reason, status.message ?? '', undefined, {
    continue: writeToken({ revision: undefined, start }),
  });
}

/** The state at an older version: today's, with the changes since then taken back. Undefined when it is forgotten. */
function stateAt(store: ObjectStore, prefix: string, version: number): State | undefined {
  if (version < store.oldestRevision) return undefined;
  const state = new Map(store.list(prefix).map(({ key, object }) => [key, object]));
  const undo: (() => void)[] = [];
  const stop = store.subscribe(prefix, version, ({ key, previous }) => {
    undo.push(() => (previous ? state.set(key, previous) : state.delete(key)));
  });
  stop(); // the past is told at once; the future does not concern us
  if (undo.length === 0) return store.list(prefix);
  for (const step of undo.reverse()) step();
  return [...state].sort(([a], [b]) => compareKeys(a, b)).map(([key, object]) => ({ key, object }));
}

/** The place of the first key that is not before `key`. */
function firstAt(state: State, key: string): number {
  let low = 0;
  let high = state.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys((state[middle] as State[number]).key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
