/**
 * Operations on members of a real cluster, each under a client that writes through the rw service and connects again whenever
 * it must: no acknowledged row is lost, and nothing is left of what is gone.
 */
import { rmSync } from 'node:fs';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Writer } from '../cluster-manager/writer.ts';
import { createMembersScene, type MembersScene, signal } from './members-scene.ts';

describe.skipIf(missing('postgres') || missing('kubectl'))('operations on members', () => {
  let s: MembersScene;
  let writer: Writer;

  beforeAll(async () => {
    s = await createMembersScene('crew', { followerNum: 1 });
    writer = await s.writer();
    await writer.progress(50, signal);
  }, 500_000);
  afterAll(async () => {
    await writer?.stop();
    await s?.close();
  }, 200_000);

  /** Rows acknowledged until now, checked on every instance, while the client writes on. */
  const settle = async (): Promise<void> => {
    const { rows } = await writer.stop();
    expect(rows.length).toBeGreaterThan(0);
    await s.whole(rows);
    writer = await s.writer();
    await writer.progress(20, signal);
  };
  const nodeOf = async (id: string) => (await s.cluster()).status?.dbInstanceStatus?.[id]?.nodeName;

  test('the spec asks for two more ROs: they join at once, and writes go on', async () => {
    const before = await s.ids();
    writer.takePause();
    await s.home.kubectlOk(['patch', 'mpd', 'crew', '--type=merge', '-p', '{"spec":{"followerNum":3}}']);
    const operation = await s.ended('AddRo');
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({ phase: 'Succeeded' });
    expect(await s.ids()).toHaveLength(4);
    expect((await s.ids()).slice(0, 2)).toEqual(before);
    process.stderr.write(`AddRo: longest pause of writes ${Math.round(writer.takePause())} ms\n`);
    await settle();
  }, 600_000);

  test('a chosen RO goes, and the spec follows', async () => {
    const [, chosen = ''] = await s.ids();
    await s.annotate({ removeIns: chosen });
    const operation = await s.ended('RemoveRo');
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({ phase: 'Succeeded' });
    expect(await s.ids()).not.toContain(chosen);
    expect((await s.cluster()).spec.followerNum).toBe(2);
    await settle();
    expect(await s.count('AddRo')).toBe(1);
  }, 600_000);

  test('an RO moves to another node', async () => {
    const leader = await s.leader();
    const moving = (await s.ids()).find((id) => id !== leader) ?? '';
    const [from, at] = [await nodeOf(moving), await nodeOf(leader)];
    const node = ['node-1', 'node-2', 'node-3'].find((one) => one !== from && one !== at) ?? '';
    await s.annotate({ migrate: `${moving}|${node}` });
    const operation = await s.ended('MigrateRo');
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({ phase: 'Succeeded' });
    const ids = await s.ids();
    expect(ids).not.toContain(moving);
    expect(await nodeOf(ids.at(-1) ?? '')).toBe(node);
    await settle();
  }, 600_000);

  test('the RW moves to another node: one short pause of writes', async () => {
    const leader = await s.leader();
    const from = await nodeOf(leader);
    const node = ['node-1', 'node-2', 'node-3'].find((one) => one !== from) ?? '';
    writer.takePause();
    await s.annotate({ migrate: `${leader}|${node}` });
    const operation = await s.ended('MigrateRw');
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({ phase: 'Succeeded' });
    process.stderr.write(`MigrateRw: longest pause of writes ${Math.round(writer.takePause())} ms\n`);
    const switched = operation.status?.steps?.find(({ name }) => name === 'SwitchPrimary');
    process.stderr.write(`MigrateRw: ${switched?.message}\n`);
    expect(await s.leader()).toBe((await s.ids()).at(-1));
    expect(await nodeOf(await s.leader())).toBe(node);
    await settle();
  }, 600_000);

  test('an RO whose data is damaged is made anew; its old pod does not answer', async () => {
    const leader = await s.leader();
    const hurt = (await s.ids()).find((id) => id !== leader) ?? '';
    const entry = (await s.cluster()).status?.dbInstanceStatus?.[hurt];
    const { instances } = await s.home.cluster('crew');
    const { pid, dataDir = '' } = instances.find(({ name }) => name === entry?.podName) ?? {};
    rmSync(`${dataDir}/global/pg_control`);
    if (pid) process.kill(pid, 'SIGKILL');
    const operation = await s.operate('RebuildRo', { instance: hurt });
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({ phase: 'Succeeded' });
    const now = (await s.cluster()).status?.dbInstanceStatus ?? {};
    expect(now[hurt]).toBeUndefined();
    const next = Object.values(now).find(({ physicalInsId }) => physicalInsId === entry?.physicalInsId);
    expect(next).toMatchObject({ nodeName: entry?.nodeName, insName: entry?.insName, ready: true });
    await settle();
  }, 600_000);

  test('every pod is made anew on its data', async () => {
    const before = await s.ids();
    const pods = async () =>
      (
        await s.home.kubectlOk([
          'get',
          'pods',
          '-l',
          'apsara.metric.clusterName=crew',
          '-o',
          'jsonpath={.items[*].metadata.uid}',
        ])
      ).split(' ');
    const old = await pods();
    writer.takePause();
    await s.annotate({ forceRebuild: 'true' });
    const operation = await s.ended('Rebuild');
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({ phase: 'Succeeded' });
    process.stderr.write(`Rebuild: longest pause of writes ${Math.round(writer.takePause())} ms\n`);
    expect(await s.ids()).toEqual(before);
    expect((await pods()).filter((uid) => old.includes(uid))).toEqual([]);
    await settle();
  }, 600_000);
});
