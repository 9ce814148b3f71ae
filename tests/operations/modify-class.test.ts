/** Another class for a real cluster of three, while a client writes through the rw service and connects again. */
import { MPDClusters, MPDOperations } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { PersistentVolumeClaims, Pods } from '@polarstack/kube';
import { clusterManifest, missing } from '@polarstack/testkit';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectAs, type Writer } from '../cluster-manager/writer.ts';
import { createMembersScene, type MembersScene, patient, signal } from './members-scene.ts';
import { createReplaceScene, type ReplaceScene, succeeded } from './replace-scene.ts';

const LIMIT_MS = 400_000;

describe.skipIf(missing('postgres') || missing('kubectl'))('another class', () => {
  let scene: MembersScene;
  let replace: ReplaceScene;
  let writer: Writer;

  beforeAll(async () => {
    scene = await createMembersScene('sized', { followerNum: 2, parameters: { work_mem: '5MB' } });
    replace = createReplaceScene(scene);
    writer = await scene.writer();
  }, LIMIT_MS);
  afterAll(async () => {
    await writer.stop();
    await scene.close();
  }, LIMIT_MS);

  const nothingLost = async (): Promise<void> => {
    await writer.progress(20, signal);
    const { rows } = await writer.stop();
    await scene.whole(rows);
    writer = await scene.writer();
  };
  const mine = { namespace: 'default', labelSelector: 'apsara.metric.clusterName=sized' };
  const everywhere = async (parameter: string, value: string): Promise<void> => {
    expect(new Set(Object.values(await replace.show(parameter))), parameter).toEqual(new Set([value]));
  };
  const claims = async () =>
    new Set((await scene.client.list(PersistentVolumeClaims, mine)).items.map(({ metadata }) => metadata?.uid));
  const pods = async () => (await scene.client.list(Pods, mine)).items;

  test(
    'classInfoModifyTo: larger pods on the same volumes and nodes, parameters that follow, one switch',
    async () => {
      const [leader, volumes, before] = [await scene.leader(), await claims(), await pods()];
      const classInfoModifyTo = { className: 'local.medium' };
      const operation = await replace.next('ModifyClass', async () => await replace.change({ classInfoModifyTo }));
      const { writePauseMs, steps, plan } = succeeded(operation);
      expect(steps?.map(({ name }) => name)).toEqual(plan?.map(({ step }) => step));
      expect(writePauseMs).toBeGreaterThan(0);
      const { spec, status } = await scene.cluster();
      expect(spec.classInfo.className).toBe('local.medium');
      expect(spec.classInfoModifyTo?.className).toBe('');
      expect(status?.insClassInfo).toMatchObject({ className: 'local.medium', cpu: '2', memory: '2048Mi' });
      await everywhere('max_connections', '200');
      await everywhere('shared_buffers', '512MB');
      // The spec names it: it is no value of the class.
      await everywhere('work_mem', '5MB');
      const after = await pods();
      for (const pod of after) {
        const same = before.find(({ metadata }) => metadata?.name === pod.metadata?.name);
        expect(pod.metadata?.uid).not.toBe(same?.metadata?.uid);
        expect(pod.spec?.nodeName).toBe(same?.spec?.nodeName);
        expect(pod.spec?.containers[0]?.resources?.limits).toMatchObject({ cpu: '2' });
      }
      expect(await claims()).toEqual(volumes);
      expect(await scene.leader()).not.toBe(leader);
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'fewer connections than are in use now are refused with the figures; later it goes, by an edited classInfo',
    async () => {
      const login = await scene.login();
      const held: pg.Client[] = [];
      for (let i = 0; i < 99; i++) held.push(await connectAs(login));
      const classInfo = { className: 'local.small' };
      const refused = await replace.next('ModifyClass', async () => await replace.change({ classInfo }));
      expect(refused.status).toMatchObject({ phase: 'Failed', error: { code: 'ConnectionsInUse' } });
      expect(refused.status?.message).toMatch(/max_connections 100 leaves 95 to users, and .* has \d+ connections/);
      await Promise.all(held.map(async (one) => await one.end()));
      const { writePauseMs } = succeeded(await scene.operate('ModifyClass', { className: 'local.small' }));
      expect(writePauseMs).toBeGreaterThan(0);
      await everywhere('max_connections', '100');
      await everywhere('shared_buffers', '32MB');
      expect((await scene.cluster()).status?.insClassInfo?.className).toBe('local.small');
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'an RW alone: its pod is made anew in place, with its data; the pause is measured',
    async () => {
      const { home, client } = scene;
      const key = { namespace: 'default', name: 'alone' };
      await home.kubectlOk(['apply', '-f', '-'], { input: clusterManifest('alone', { followerNum: 0 }) });
      await home.kubectlOk(['wait', '--for=condition=Ready', 'mpd/alone', '--timeout=240s'], { timeoutMs: 260_000 });
      await home.polarstackOk(['psql', 'alone', '-c', 'create table kept as select 42 as answer']);
      await client.patch(MPDClusters, key, {
        type: 'merge',
        body: { spec: { classInfoModifyTo: { className: 'local.medium' } } },
      });
      const operation = await waitFor(
        'the operation to succeed',
        async () =>
          (await client.list(MPDOperations, { namespace: 'default' })).items.find(
            ({ spec, status }) =>
              spec.cluster === 'alone' && spec.type === 'ModifyClass' && status?.phase === 'Succeeded',
          ),
        patient,
      );
      expect(operation.status?.writePauseMs).toBeGreaterThan(0);
      const shown = await home.polarstackOk(['psql', 'alone', '-c', 'table kept', '-c', 'show max_connections']);
      expect(shown).toContain('42');
      expect(shown).toContain('200');
    },
    LIMIT_MS,
  );

  test('a class that does not exist is not accepted', async () => {
    await replace.change({ classInfoModifyTo: { className: 'local.none' } });
    await expect
      .poll(async () => (await scene.cluster()).status?.conditions?.find(({ type }) => type === 'Accepted')?.reason, {
        timeout: 60_000,
      })
      .toBe('ClassUnknown');
    await replace.change({ classInfoModifyTo: { className: '' } });
  });
});
