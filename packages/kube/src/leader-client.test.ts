import { describe, expect, it } from 'vitest';
import type { KubeHttpClient } from './create-client.ts';
import { leaderClient } from './leader-client.ts';
import { Pods } from './resources.ts';

const calls: string[] = [];
/** Notes every call by its name. */
const client = new Proxy({} as KubeHttpClient, {
  ownKeys: () => [
    'get',
    'list',
    'watch',
    'create',
    'replace',
    'replaceStatus',
    'patch',
    'patchStatus',
    'delete',
    'apply',
  ],
  getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  // It has no guard of its own.
  get: (_target, name) =>
    name === 'withWriteGuard'
      ? undefined
      : (): Promise<void> => {
          calls.push(String(name));
          return Promise.resolve();
        },
});

describe('the client of a leader', () => {
  it('reads always, and writes only while this process leads', async () => {
    let leads = true;
    const led = leaderClient(client, () => leads);
    const key = { namespace: 'default', name: 'p' };
    await led.create(Pods, {});
    leads = false;
    await led.get(Pods, key);
    const refused = { code: 'NotLeader' };
    await expect(led.create(Pods, {})).rejects.toMatchObject(refused);
    await expect(led.apply(Pods, {}, { fieldManager: 'me' })).rejects.toMatchObject(refused);
    await expect(led.patchStatus(Pods, key, { type: 'merge', body: {} })).rejects.toMatchObject(refused);
    await expect(led.delete(Pods, key)).rejects.toMatchObject(refused);
    await expect(led.patch(Pods, key, { type: 'merge', body: {} })).rejects.toMatchObject(refused);
    await expect(led.replace(Pods, {})).rejects.toMatchObject(refused);
    await expect(led.replaceStatus(Pods, {})).rejects.toMatchObject(refused);
    expect(calls).toEqual(['create', 'get']);
  });
});
