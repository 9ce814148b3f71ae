/** Volumes that grow, by the spec and by themselves, and a broken replica that is made anew without being asked. */
import { rmSync } from 'node:fs';
import { waitFor } from '@polarstack/base';
import { PersistentVolumeClaims } from '@polarstack/kube';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMembersScene, type MembersScene, patient, signal } from './members-scene.ts';

describe.skipIf(missing('postgres') || missing('kubectl'))('volumes and repair', () => {
  let s: MembersScene;

  beforeAll(async () => {
    s = await createMembersScene('vol', { followerNum: 1, localStore: { size: '192Mi' } });
  }, 500_000);
  afterAll(async () => {
    await s?.close();
  }, 200_000);

  const sizes = async (): Promise<readonly string[]> => {
    const { items } = await s.client.list(PersistentVolumeClaims, {
      namespace: 'default',
      labelSelector: 'apsara.metric.clusterName=vol',
    });
    return items.map(({ status }) => String(status?.capacity?.storage));
  };
  const patch = async (spec: object): Promise<void> => {
    await s.home.kubectlOk(['patch', 'mpd', 'vol', '--type=merge', '-p', JSON.stringify({ spec })]);
  };

  test('the spec lets every volume grow while rows are written; a smaller size changes nothing and says why', async () => {
    const writer = await s.writer();
    await writer.progress(20, signal);
    writer.takePause();
    await patch({ localStore: { size: '256Mi' } });
    const operation = await s.ended('ExtendStorage');
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({ phase: 'Succeeded' });
    expect(await sizes()).toEqual(['256Mi', '256Mi']);
    expect((await s.cluster()).status?.appliedSpec?.localStore?.size).toBe('256Mi');
    process.stderr.write(`ExtendStorage: longest pause of writes ${Math.round(writer.takePause())} ms\n`);
    const { rows } = await writer.stop();
    await s.whole(rows);

    await patch({ localStore: { size: '128Mi' } });
    const refused = await waitFor(
      'the refusal',
      async () =>
        (await s.cluster()).status?.conditions?.find(({ type, status }) => type === 'Accepted' && status === 'False'),
      patient,
    );
    expect(refused).toMatchObject({ reason: 'VolumeCannotShrink' });
    await patch({ localStore: { size: '256Mi' } });
    expect(await sizes()).toEqual(['256Mi', '256Mi']);
  }, 600_000);

  test('a volume that gets full grows by itself, up to its ceiling', async () => {
    const leader = await s.leader();
    await s.sql(leader, `create table filler as select repeat('x', 1000) as t from generate_series(1, 100000)`);
    await patch({ localStore: { autoGrow: { thresholdPercent: 50, stepPercent: 50, maxSize: '320Mi' } } });
    const operation = await s.ended('ExtendStorage', 1);
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({ phase: 'Succeeded' });
    expect(operation.spec).toMatchObject({ requester: 'operator', reason: expect.stringContaining('% full') });
    expect(await sizes()).toEqual(['320Mi', '320Mi']);
    expect((await s.cluster()).spec.localStore?.size).toBe('320Mi');
    expect(await s.count('ExtendStorage')).toBe(2);
  }, 600_000);

  test('AU2: a replica with damaged data is made anew without being asked, and it says why', async () => {
    const writer = await s.writer();
    await writer.progress(20, signal);
    const leader = await s.leader();
    const hurt = (await s.ids()).find((id) => id !== leader) ?? '';
    const entry = (await s.cluster()).status?.dbInstanceStatus?.[hurt];
    const { instances } = await s.home.cluster('vol');
    const { pid, dataDir = '' } = instances.find(({ name }) => name === entry?.podName) ?? {};
    rmSync(`${dataDir}/global/pg_control`);
    if (pid) process.kill(pid, 'SIGKILL');
    const operation = await s.ended('RebuildRo');
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({ phase: 'Succeeded' });
    expect(operation.spec).toMatchObject({
      requester: 'operator',
      parameters: { instance: hurt },
      reason: expect.stringContaining('pg_control'),
    });
    const { rows } = await writer.stop();
    await s.whole(rows);
    expect(await s.ids()).not.toContain(hurt);
    expect(await s.count('RebuildRo')).toBe(1);
  }, 600_000);
});
