/** Server-side apply by the toolkit's client. */
import { ConfigMaps } from '@polarstack/kube';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EmbeddedApi, startEmbeddedApi } from './embedded-api.ts';

let api: EmbeddedApi;
beforeAll(async () => {
  api = await startEmbeddedApi();
});
afterAll(async () => {
  await api.stop();
});

const configMap = (data: Readonly<Record<string, string>>) => ({
  metadata: { namespace: 'default', name: 'shared' },
  data,
});

it('makes, owns, refuses, takes over and removes fields', async () => {
  const { client } = api;
  await client.apply(ConfigMaps, configMap({ a: '1', b: '1' }), { fieldManager: 'first' });
  await expect(client.apply(ConfigMaps, configMap({ a: '2' }), { fieldManager: 'second' })).rejects.toMatchObject({
    code: 'Conflict',
  });
  const taken = await client.apply(ConfigMaps, configMap({ a: '2' }), { fieldManager: 'second', force: true });
  expect(taken.data).toEqual({ a: '2', b: '1' });
  // What the first left out and owns alone goes; what the second owns stays.
  const left = await client.apply(ConfigMaps, configMap({}), { fieldManager: 'first' });
  expect(left.data).toEqual({ a: '2' });
});
