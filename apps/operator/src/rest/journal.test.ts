import type { MPDCluster, MPDOperation } from '@polarstack/api';
import type { Change } from '@polarstack/kube';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OperatorView } from './context.ts';
import { createJournal, type Entry } from './journal.ts';

function source<T>() {
  const handlers = new Set<(change: Change<T>) => void>();
  return {
    get: () => undefined,
    list: () => [],
    byIndex: () => [],
    onChange: (handler: (change: Change<T>) => void) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    tell: (change: Change<T>) => {
      for (const handler of handlers) handler(change);
    },
  };
}

function scene(length?: number) {
  const clusters = source<MPDCluster>();
  const operations = source<MPDOperation>();
  const view = { clusters, operations } as unknown as OperatorView;
  const journal = createJournal(view, 'p1', length);
  let count = 0;
  return {
    journal,
    change: (): void => {
      count += 1;
      clusters.tell({ type: 'ADDED', object: { metadata: { name: `c${count}`, namespace: 'a' } } as MPDCluster });
    },
    begin: (): void => {
      const object = { metadata: { name: 'o', namespace: 'a' }, spec: { cluster: 'c1' } } as MPDOperation;
      operations.tell({ type: 'DELETED', object });
    },
  };
}

const names = (entries: readonly Entry[] | undefined) => entries?.map(({ cluster }) => cluster);

describe('journal', () => {
  test('JR1: for every past moment it tells all that came after it, once and in order, or that some are gone', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.nat(30), fc.integer({ min: 1, max: 20 }), (before, after, length) => {
        const { journal, change } = scene(length);
        for (let i = 0; i < before; i++) change();
        const id = journal.now();
        for (let i = 0; i < after; i++) change();
        const expected = Array.from({ length: after }, (_, i) => `c${before + i + 1}`);
        expect(names(journal.after(id))).toEqual(after <= length ? expected : undefined);
      }),
    );
  });

  test('JR1: listeners hear each entry, and no more once they have gone', () => {
    const { journal, change, begin } = scene();
    const heard: string[] = [];
    const forget = journal.listen(({ id, event, cluster }) => heard.push(`${id} ${event} ${cluster}`));
    change();
    begin();
    forget();
    change();
    expect(heard).toEqual(['p1-1 cluster c1', 'p1-2 deleted c1']);
  });

  test.each(['', 'p1-', 'p1-x', 'p1-7', 'p1--1', 'p2-1', 'p1-1.5', 'p1-1e0x'])('JR3: %j is not known', (id) => {
    const { journal, change } = scene();
    change();
    expect(journal.after(id)).toBeUndefined();
  });

  test('after it is closed nothing is heard', () => {
    const { journal, change } = scene();
    change();
    journal.close();
    change();
    expect(journal.now()).toBe('p1-1');
  });
});
