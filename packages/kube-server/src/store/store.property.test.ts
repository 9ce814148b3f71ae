import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from './memory-store.ts';
import type { ObjectStore, StoreEvent } from './object-store.ts';
import { createFakeDisk } from './testing/fake-disk.ts';
import { follow, type Life, live, modelOf, newWatcher, openOn, reopen, type Step } from './testing/lives.ts';
import { seededRandom } from './testing/random.ts';

const keys = ['/a/1', '/a/2', '/b/1', '/b/é', '/c'] as const;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('put' as const), key: fc.constantFrom(...keys), size: fc.nat(150) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key: fc.constantFrom(...keys) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('wait' as const, 'turn' as const) }) },
);
const steps = fc.array(step, { minLength: 1, maxLength: 40 });

type Command =
  | Step
  | { readonly do: 'throw' | 'keep'; readonly key: string }
  | { readonly do: 'watch'; readonly prefix: string; readonly back: number }
  | { readonly do: 'unwatch'; readonly index: number }
  | { readonly do: 'reopen' };

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 9, arbitrary: step },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('throw' as const, 'keep' as const), key: fc.constantFrom(...keys) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('watch' as const),
      prefix: fc.constantFrom('', '/a/', '/b/', '/c', '/d'),
      back: fc.nat(6),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unwatch' as const), index: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'reopen' as const }) },
);

interface Told {
  readonly type: string;
  readonly key: string;
  readonly revision: number;
  readonly value: unknown;
}

/** What must be true, kept as simply as can be: one list of all effects. */
interface Reference {
  readonly state: Map<string, number>;
  readonly effects: Told[];
}

interface Watch {
  readonly prefix: string;
  readonly from: number;
  readonly told: Told[];
  readonly stop: () => void;
  /** The revision at which it ended. */
  until?: number;
}

const telling = ({ type, key, revision, object }: StoreEvent): Told => ({ type, key, revision, value: object.value });

async function compare(commands: readonly Command[], open: () => Promise<ObjectStore>): Promise<void> {
  let store = await open();
  const reference: Reference = { state: new Map(), effects: [] };
  const watches: Watch[] = [];
  let running: Promise<unknown>[] = [];
  let counter = 0;

  const write = (key: string, want: 'put' | 'delete') => {
    const current = reference.state.get(key);
    if (want === 'delete' && current === undefined) return;
    const value = want === 'put' ? ++counter : current;
    const revision = reference.effects.length + 1;
    const type = want === 'delete' ? 'DELETED' : current === undefined ? 'ADDED' : 'MODIFIED';
    reference.effects.push({ type, key, revision, value });
    if (want === 'put') reference.state.set(key, counter);
    else reference.state.delete(key);
    const answer = store.transact(key, (seen) => {
      expect(seen?.value, 'S2: decided on the newest accepted state').toBe(current);
      if (want === 'delete') return { type: 'delete', object: seen as object as Readonly<Record<string, unknown>> };
      // Frozen: the store must not change what it is given.
      const metadata = Object.freeze({ labels: Object.freeze({ value: String(value) }) });
      return { type: 'put', object: Object.freeze({ apiVersion: 'v1', kind: 'Thing', metadata, value }) };
    });
    expect(store.revision, 'S1: not visible at once').toBeLessThan(revision);
    running.push(
      answer.then((object) => {
        expect(object?.metadata.resourceVersion, 'S3').toBe(String(revision));
        expect(store.revision, 'S1: visible when resolved').toBeGreaterThanOrEqual(revision);
        for (const { prefix, from, told, until } of watches) {
          if (!key.startsWith(prefix) || from >= revision || until !== undefined) continue;
          expect(told.at(-1)?.revision, 'S1: watchers were told').toBeGreaterThanOrEqual(revision);
        }
      }),
    );
  };

  const settle = async () => {
    await Promise.all(running);
    running = [];
    expect(store.list('').map(({ key, object }) => [key, object.value])).toEqual(
      [...reference.state].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    for (const { prefix, from, told, until = Number.POSITIVE_INFINITY } of watches) {
      const due = ({ key, revision }: Told) => key.startsWith(prefix) && revision > from && revision <= until;
      expect(told, 'S4').toEqual(reference.effects.filter(due));
    }
  };

  const run = async (one: Command): Promise<void> => {
    switch (one.do) {
      case 'put':
      case 'delete':
        return write(one.key, one.do);
      case 'keep': {
        const current = reference.state.get(one.key);
        const kept = store.transact(one.key, () => ({ type: 'keep' }));
        running.push(kept.then((object) => expect(object?.value).toBe(current)));
        return;
      }
      case 'throw': {
        const refused = store.transact(one.key, () => {
          throw new RangeError('no');
        });
        running.push(expect(refused).rejects.toThrow(RangeError));
        return;
      }
      case 'watch': {
        const from = Math.max(store.oldestRevision, store.revision - one.back);
        const told: Told[] = [];
        const stop = store.subscribe(one.prefix, from, (event) => told.push(telling(event)));
        watches.push({ prefix: one.prefix, from, told, stop });
        return;
      }
      case 'unwatch': {
        const watch = watches[one.index];
        if (!watch || watch.until !== undefined) return;
        watch.stop();
        watch.until = store.revision;
        return;
      }
      case 'wait':
        return settle();
      case 'turn':
        await new Promise(setImmediate);
        return;
      case 'reopen': {
        await settle();
        for (const watch of watches) watch.until ??= store.revision;
        await store.close();
        store = await open();
        expect(store.revision, 'S3').toBe(reference.effects.length);
        return;
      }
    }
  };

  for (const one of commands) await run(one);
  await settle();
  await store.close();
}

describe('object store, any interleaving', () => {
  it('S1-S4 on disk, with reopening, small logs and a short history', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60 }), fc.nat(), async (commands, seed) => {
        const disk = createFakeDisk(seededRandom(seed));
        await compare(commands, () => openOn(disk));
      }),
      { numRuns: 300 },
    );
  });

  it('S1-S4 in memory', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          command.filter(({ do: what }) => what !== 'reopen'),
          { maxLength: 60 },
        ),
        (commands) => compare(commands, async () => createMemoryStore()),
      ),
      { numRuns: 200 },
    );
  });
});

interface Trouble {
  readonly from: number;
  readonly count: number;
  readonly errno: string;
}

const trouble: fc.Arbitrary<Trouble> = fc.record({
  from: fc.nat(80),
  count: fc.integer({ min: 1, max: 12 }),
  errno: fc.constantFrom('ENOSPC', 'EIO'),
});

describe('object store, losses of power and failing disks', () => {
  it('S1-S5 over several lives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ steps, crash: fc.nat(150), trouble: fc.option(trouble) }), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        async (lives, seed) => {
          const random = seededRandom(seed);
          const watcher = newWatcher();
          let disk = createFakeDisk(random);
          let life: Life = { possible: [new Map()], watcher };
          for (const { steps, crash, trouble } of lives) {
            const store = await reopen(disk, life);
            disk.crashAt(disk.operations + 1 + crash);
            const start = disk.operations + (trouble?.from ?? 0);
            disk.failWith(() => {
              const failing = trouble && disk.operations > start && disk.operations <= start + trouble.count;
              return failing ? trouble.errno : undefined;
            });
            life = await live(disk, store, watcher, steps);
            disk = disk.afterPowerLoss(random);
          }
          const store = await reopen(disk, life);
          await store.close();
        },
      ),
      { numRuns: 400 },
    );
  });

  it('goes on when there is space again, and keeps only what it acknowledged', async () => {
    for (const errno of ['ENOSPC', 'EIO']) {
      for (const failing of ['write', 'sync', 'create', 'rename', 'syncFolder'] as const) {
        const disk = createFakeDisk(seededRandom(3));
        const watcher = newWatcher();
        const store = await openOn(disk);
        follow(store, watcher);
        await live(disk, store, watcher, [{ do: 'put', key: '/before', size: 1 }]);
        // A failing write makes a new log needed, so that failures of making one are met as well.
        let full = true;
        disk.failWith((operation) => (full && (operation === failing || operation === 'write') ? errno : undefined));
        for (let attempt = 0; attempt < 50; attempt++) {
          const put = store.transact(`/lost/${attempt}`, () => ({ type: 'put', object: { metadata: {} } }));
          await expect(put).rejects.toMatchObject({ code: errno === 'ENOSPC' ? 'StateDiskFull' : 'StateWriteFailed' });
        }
        expect(disk.contents().size, 'attempts leave nothing behind').toBeLessThanOrEqual(4);
        full = false;
        await live(disk, store, watcher, [{ do: 'put', key: '/after', size: 1 }]);
        expect([...modelOf(store).keys()]).toEqual(['/after', '/before']);
        const survivor = await openOn(disk.afterPowerLoss(seededRandom(5)));
        expect(survivor.list('').map(({ key }) => key)).toEqual(['/after', '/before']);
        expect(survivor.revision, 'S3: the failed ones used revisions').toBeGreaterThanOrEqual(52);
        await store.close();
      }
    }
  });
});
