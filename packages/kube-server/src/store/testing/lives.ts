import { randomUUID } from 'node:crypto';
import { isStackError, silentLogger } from '@polarstack/base';
import { expect } from 'vitest';
import type { ObjectStore, StoreEvent } from '../object-store.ts';
import { openObjectStore } from '../open-object-store.ts';
import type { FakeDisk } from './fake-disk.ts';

/** What a client does; `wait` lets everything started before finish, `turn` lets some of it happen. */
export type Step =
  | { readonly do: 'put'; readonly key: string; readonly size: number }
  | { readonly do: 'delete'; readonly key: string }
  | { readonly do: 'wait' }
  | { readonly do: 'turn' };

/** Keys and what was last written there: the state, as the model sees it. */
export type Model = ReadonlyMap<string, string>;

interface Accepted {
  readonly key: string;
  /** Undefined for a deletion. */
  readonly value: string | undefined;
  /** What it was decided on. */
  readonly saw: string | undefined;
  outcome: 'unknown' | 'done' | { readonly failure: object };
}

/** A watcher that survives the store: what it has been told, and so believes. */
export interface Watcher {
  revision: number;
  readonly believes: Map<string, string>;
}

export const newWatcher = (): Watcher => ({ revision: 0, believes: new Map() });

/** What one life of a store left behind in the minds of its clients. */
export interface Life {
  /** Every state that may be found afterwards (S5). */
  readonly possible: readonly Model[];
  readonly watcher: Watcher;
}

export const dir = '/state';
const small = { snapshotBytes: 700, historyLimit: { events: 12, bytes: 1 << 20 } };

export const openOn = (disk: FakeDisk): Promise<ObjectStore> =>
  openObjectStore({
    dir,
    logger: silentLogger,
    files: disk.files,
    lock: async () => ({ release: async () => {} }),
    ...small,
  });

export const modelOf = (store: ObjectStore): Model =>
  new Map(store.list('').map(({ key, object }) => [key, object.value as string]));

function after(state: Model, { key, value }: Accepted): Model {
  const next = new Map(state);
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  return next;
}

/** Follows `store` from where the watcher is; lists anew, as a real client does, when that is gone. */
export function follow(store: ObjectStore, watcher: Watcher): void {
  const hear = (event: StoreEvent) => {
    expect(event.revision, 'S4: in order, and never twice').toBeGreaterThan(watcher.revision);
    expect(event.previous?.value, 'S4: nothing was missed').toBe(watcher.believes.get(event.key));
    watcher.revision = event.revision;
    if (event.type === 'DELETED') watcher.believes.delete(event.key);
    else watcher.believes.set(event.key, event.object.value as string);
  };
  try {
    store.subscribe('', watcher.revision, hear);
  } catch (error) {
    if (!isStackError(error, 'Gone')) throw error;
    expect(store.revision, 'S3: no revision is given out again').toBeGreaterThan(watcher.revision);
    watcher.believes.clear();
    for (const [key, value] of modelOf(store)) watcher.believes.set(key, value);
    watcher.revision = store.revision;
    store.subscribe('', watcher.revision, hear);
  }
  expect(new Map(watcher.believes), 'S4: caught up').toEqual(new Map(modelOf(store)));
}

/** Runs `steps` on an open store until they are done or the power goes. */
export async function live(
  disk: FakeDisk,
  store: ObjectStore,
  watcher: Watcher,
  steps: readonly Step[],
): Promise<Life> {
  const before = modelOf(store);
  const accepted: Accepted[] = [];
  let running: Promise<void>[] = [];
  const start = (step: Exclude<Step, { do: 'wait' | 'turn' }>) => {
    let mine: Accepted | undefined;
    const accept = (saw: string | undefined, value: string | undefined) => {
      mine = { key: step.key, value, saw, outcome: 'unknown' };
      accepted.push(mine);
    };
    const done = store
      .transact(step.key, (current) => {
        if (step.do === 'delete') {
          if (!current) return { type: 'keep' };
          accept(current.value as string, undefined);
          return { type: 'delete', object: current };
        }
        const value = `${randomUUID()}:${'x'.repeat(step.size)}`;
        accept(current?.value as string | undefined, value);
        return { type: 'put', object: { apiVersion: 'v1', kind: 'Thing', metadata: {}, value } };
      })
      .then(
        () => {
          if (mine) mine.outcome = 'done';
        },
        (error: unknown) => {
          if (!isStackError(error) || !error.code.startsWith('State')) throw error;
          if (mine) mine.outcome = { failure: error };
        },
      );
    running.push(done);
  };
  const finished = async () => {
    await Promise.race([Promise.all(running), disk.whenCrashed]);
    running = [];
    await new Promise(setImmediate);
  };
  for (const step of steps) {
    if (disk.crashed) break;
    if (step.do === 'wait') await finished();
    else if (step.do === 'turn') await new Promise(setImmediate);
    else start(step);
  }
  await finished();
  return { possible: possibleStates(before, accepted), watcher };
}

/**
 * S5, with failures: everything that resolved, and then any beginning of what was on its way, or of a batch whose
 * write failed and which nothing that succeeded has replaced yet (its bytes may have reached the disk all the same).
 */
function possibleStates(before: Model, accepted: readonly Accepted[]): Model[] {
  const done = accepted.filter(({ outcome }) => outcome === 'done');
  const settled = done.reduce((state, one) => {
    expect(state.get(one.key), 'S2, M3: acknowledged only if what it was decided on came true').toBe(one.saw);
    return after(state, one);
  }, before);
  const lastDone = accepted.findLastIndex(({ outcome }) => outcome === 'done');
  const groups = new Map<unknown, Accepted[]>();
  for (const one of accepted.slice(lastDone + 1)) {
    const group = typeof one.outcome === 'object' ? one.outcome.failure : one.outcome;
    groups.set(group, [...(groups.get(group) ?? []), one]);
  }
  const states = [settled];
  for (const group of groups.values()) {
    let state = settled;
    for (const one of group) {
      state = after(state, one);
      states.push(state);
    }
  }
  return states;
}

/** Opens what a life left on the disk and checks it against what its clients know. */
export async function reopen(disk: FakeDisk, { possible, watcher }: Life): Promise<ObjectStore> {
  const store = await openOn(disk);
  const found = modelOf(store);
  const matches = possible.some(
    (state) => state.size === found.size && [...state].every(([k, v]) => found.get(k) === v),
  );
  if (!matches) expect(found, 'S5: one of the possible states').toEqual(possible[0]);
  follow(store, watcher);
  return store;
}

/** Checks a store by using it, and that what was shown can no longer be lost. */
export async function useAndClose(disk: FakeDisk, store: ObjectStore, watcher: Watcher): Promise<void> {
  const newest = watcher.revision;
  const life = await live(disk, store, watcher, [{ do: 'put', key: '/probe', size: 1 }, { do: 'wait' }]);
  expect(life.possible, 'the probe was acknowledged').toHaveLength(1);
  expect(watcher.revision, 'S3').toBeGreaterThan(newest);
  // O1: everything shown survives a loss of everything that was not fsynced.
  const again = disk.afterPowerLoss(() => 0.999);
  const survivor = await reopen(again, { possible: life.possible, watcher });
  await survivor.close();
  await store.close();
}
