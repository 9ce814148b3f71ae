/** A full disk during initdb: a clear error, nothing left, and it goes through once there is space. Needs root, for the mount. */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { missing } from '@polarstack/testkit';
import { afterAll, expect, test } from 'vitest';
import { createTestCluster, finished, initdbRequest } from './harness.ts';

const cluster = await createTestCluster();
const scratch = join(cluster.folder, 'may-mount');
await mkdir(scratch);
const mount = (options: string, folder: string): boolean =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' }).status === 0;
const unmount = (folder: string): void => {
  spawnSync('umount', ['-l', folder], { stdio: 'ignore' });
};
const mayMount = process.getuid?.() === 0 && mount('size=1m', scratch);
if (mayMount) unmount(scratch);
else console.log('skipped: a full disk in initdb (mounting a tmpfs needs root with the right to mount)');
afterAll(async () => await cluster.close());

test.skipIf(!mayMount || missing('postgres'))('disk full in initdb', async () => {
  const pod = await cluster.pod('1');
  const data = dirname(pod.dataDir);
  // The mount is owned by whoever owned the folder.
  const { uid, gid } = statSync(data);
  expect(mount(`size=12m,mode=0700,uid=${uid},gid=${gid}`, data)).toBe(true);
  try {
    await pod.start();
    await expect(finished(pod, await pod.client.bootstrap('create', initdbRequest()))).rejects.toThrow(
      /^DiskFull: initdb/,
    );
    const status = await pod.client.status();
    expect(status.engine.state).toBe('absent');
    expect(status.task).toMatchObject({ state: 'failed', error: { code: 'DiskFull' } });
    expect(readdirSync(data)).toEqual(['agent']);
    expect(spawnSync('mount', ['-o', 'remount,size=400m', data]).status).toBe(0);
    await finished(pod, await pod.client.bootstrap('create-2', initdbRequest()));
    expect((await pod.client.status()).engine).toMatchObject({ state: 'running', role: 'primary' });
    await pod.client.stop({ mode: 'immediate', timeoutMs: 5_000 });
    const agent = pod.agent;
    const gone = new Promise((resolve) => agent?.once('exit', resolve));
    agent?.kill('SIGTERM');
    await gone;
  } finally {
    unmount(data);
  }
});
