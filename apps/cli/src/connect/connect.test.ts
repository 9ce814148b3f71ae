import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKubeconfig } from '@polarstack/kube';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readCliSettings } from '../config.ts';
import { findTarget } from './connect.ts';

let folder: string;
let home: string;
/** Homes are looked up where this says: a checkout's own may exist on the machine that runs the tests. */
const withHome = (root: string) => vi.stubEnv('POLARSTACK_HOME', root);
const file = (name: string): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, 'a kubeconfig');
  return path;
};
/** As if POLARSTACK_HOME had not been set by the user. */
const settings = (env: NodeJS.ProcessEnv) => readCliSettings({ HOME: folder, ...env });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'connect-'));
  home = join(folder, 'home');
  withHome(home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const kubeconfig = (parts: object): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...parts }, undefined, 1);

describe('several kubeconfigs', () => {
  test('are merged as kubectl does: a context of one file, its cluster in another, and files that are absent', async () => {
    const one = join(folder, 'contexts');
    const other = join(folder, 'clusters');
    writeFileSync(
      one,
      kubeconfig({
        'current-context': 'shop',
        contexts: [{ name: 'shop', context: { cluster: 'far', user: 'me', namespace: 'orders' } }],
      }),
    );
    writeFileSync(
      other,
      kubeconfig({
        'current-context': 'nobody',
        clusters: [{ name: 'far', cluster: { server: 'https://far.test:6443' } }],
        users: [{ name: 'me', user: {} }],
      }),
    );
    const target = await findTarget({}, settings({ KUBECONFIG: [join(folder, 'absent'), one, other].join(':') }));
    expect(await loadKubeconfig(target.kubeconfig)).toMatchObject({
      server: 'https://far.test:6443',
      namespace: 'orders',
    });
  });
});

describe('which server is asked', () => {
  test('--kubeconfig before all', async () => {
    file('home/kubeconfig');
    expect(await findTarget({ kubeconfig: '/x' }, settings({ KUBECONFIG: file('env') }))).toEqual({ kubeconfig: '/x' });
  });

  test('the local home before KUBECONFIG', async () => {
    const kubeconfig = file('home/kubeconfig');
    const target = await findTarget({}, settings({ KUBECONFIG: file('env') }));
    expect(target).toMatchObject({ kubeconfig, home: { root: home } });
  });

  test('without a home KUBECONFIG, which may be several files', async () => {
    const env = file('env');
    expect(await findTarget({}, settings({ KUBECONFIG: env }))).toEqual({ kubeconfig: env });
    const several = `${join(folder, 'absent')}:${env}`;
    expect(await findTarget({}, settings({ KUBECONFIG: several }))).toEqual({
      kubeconfig: [join(folder, 'absent'), env],
    });
    // A file that is not there is what the user is told about, not another server.
    const absent = join(folder, 'absent');
    expect(await findTarget({}, settings({ KUBECONFIG: absent }))).toEqual({ kubeconfig: absent });
  });

  test("kubectl's own file only where a context is named", async () => {
    const own = file('.kube/config');
    expect(await findTarget({ context: 'c' }, settings({}))).toEqual({ kubeconfig: own });
    await expect(findTarget({}, settings({}))).rejects.toMatchObject({ code: 'HomeMissing' });
  });

  test('a home that was named is never passed over', async () => {
    const env = { KUBECONFIG: file('env') };
    const missing = { code: 'HomeMissing', message: expect.stringContaining('there is no local home') };
    await expect(findTarget({ home: join(folder, 'other') }, settings(env))).rejects.toMatchObject(missing);
    await expect(findTarget({}, settings({ ...env, POLARSTACK_HOME: home }))).rejects.toMatchObject(missing);
  });
});
