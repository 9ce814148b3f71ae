import type { KubeClient, KubeObject } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { applyManifests, contains, parseManifests } from './manifests.ts';

const signal = new AbortController().signal;
const configMap = (name: string, data: Record<string, string>): KubeObject & { data: object } => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'kube-system' },
  data,
});

/** An API with some objects that notes what is written. */
function api(objects: readonly KubeObject[]): { client: KubeClient; written: string[] } {
  const written: string[] = [];
  const client: Pick<KubeClient, 'list' | 'create' | 'patch'> = {
    list: async () => ({ items: objects as never, resourceVersion: '1' }),
    create: async (_, object) => {
      written.push(`create ${object.metadata?.name}`);
      return object;
    },
    patch: async (_, { name }) => {
      written.push(`patch ${name}`);
      return {} as never;
    },
  };
  return { client: client as KubeClient, written };
}

test('writes what is missing and what differs, and nothing else', async () => {
  const present = [configMap('same', { a: '1', byServer: 'x' }), configMap('other', { a: '1' })];
  const { client, written } = api(present);
  const wanted = [configMap('same', { a: '1' }), configMap('other', { a: '2' }), configMap('new', {})];
  expect(await applyManifests(client, wanted, signal)).toBe(2);
  expect(written.sort()).toEqual(['create new', 'patch other']);
});

test('a manifest of a kind that is not ours is a defect of ours', async () => {
  const stranger = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'x' } };
  await expect(applyManifests(api([]).client, [stranger], signal)).rejects.toMatchObject({ code: 'Internal' });
});

test.each([
  [{ a: 1, b: { c: [1, 2], d: 3 } }, { b: { c: [1, 2] } }, true],
  [{ a: [1, 2, 3] }, { a: [1, 2] }, false],
  [{ a: [{ x: 1, y: 2 }] }, { a: [{ x: 1 }] }, true],
  [{ a: null }, { a: {} }, false],
  [undefined, { a: 1 }, false],
])('%j contains %j: %s', (present, wanted, expected) => {
  expect(contains(present, wanted)).toBe(expected);
});

test('reads every document, and says which file is broken', () => {
  expect(parseManifests('kind: A\n---\n---\nkind: B\n', 'x.yaml')).toEqual([{ kind: 'A' }, { kind: 'B' }]);
  expect(() => parseManifests('a: [', 'x.yaml')).toThrow(/x\.yaml/);
});
