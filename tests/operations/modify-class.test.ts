/**
 * Another class for a real cluster of three, while a client writes through the rw service and connects again. Its operator is a
 * process of its own: it is killed while the API lives, and lives on while the API is gone.
 */
import { MPDClusters, MPDOperations } from '@polarstack/api';
import { systemClock, waitFor } from '@polarstack/base';
import { PersistentVolumeClaims, Pods } from '@polarstack/kube';
import { clusterManifest, missing, seededRandom } from '@polarstack/testkit';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../cluster-manager/writer.ts';
import { patient, signal } from './members-scene.ts';
import { createOwnOperator, type OwnOperator, underKills } from './own-operator.ts';
import { succeeded } from './replace-scene.ts';
import { createWrittenScene, LIMIT_MS, type WrittenScene } from './written-scene.ts';

describe.skipIf(missing('postgres') || missing('kubectl'))('another class', () => {
  let scene: WrittenScene;
  let operator: OwnOperator;

  beforeAll(async () => {
    const spec = { followerNum: 2, parameters: { work_mem: '5MB' }, operatorName: 'tailor' };
    scene = await createWrittenScene('sized', spec, {}, async (home) => {
      operator = await createOwnOperator(home, 'tailor');
      operator.start();
    });
  }, LIMIT_MS);
  afterAll(async () => {
    await operator?.kill();
    await scene?.close();
  }, LIMIT_MS);

  const mine = { namespace: 'default', labelSelector: 'apsara.metric.clusterName=sized' };
  const everywhere = async (parameter: string, value: string): Promise<void> => {
    expect(new Set(Object.values(await scene.show(parameter))), parameter).toEqual(new Set([value]));
  };
  const claims = async () =>
    new Set((await scene.client.list(PersistentVolumeClaims, mine)).items.map(({ metadata }) => metadata?.uid));
  const pods = async () => (await scene.client.list(Pods, mine)).items;

  test(
    'classInfoModifyTo: larger pods on the same volumes and nodes, parameters that follow, one switch',
    async () => {
      const [leader, volumes, before] = [await scene.leader(), await claims(), await pods()];
      const classInfoModifyTo = { className: 'local.medium' };
      const operation = await scene.next('ModifyClass', async () => await scene.change({ classInfoModifyTo }));
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
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'fewer connections than are in use now are refused with the figures; later it goes, though the operator is killed on the way',
    async () => {
      const login = await scene.login();
      const held: pg.Client[] = [];
      for (let i = 0; i < 99; i++) held.push(await connectAs(login));
      const classInfo = { className: 'local.small' };
      const refused = await scene.next('ModifyClass', async () => await scene.change({ classInfo }));
      expect(refused.status).toMatchObject({ phase: 'Failed', error: { code: 'ConnectionsInUse' } });
      expect(refused.status?.message).toMatch(/max_connections 100 leaves 95 to users, and .* has \d+ connections/);
      await Promise.all(held.map(async (one) => await one.end()));
      const random = seededRandom('kills of the operator in ModifyClass');
      const act = async () => await scene.ask('ModifyClass', { className: 'local.small' });
      const epoch = await scene.epoch();
      const { operation, killedAt } = await underKills(scene, operator, 'ModifyClass', { random, times: 4, act });
      expect(succeeded(operation).writePauseMs).toBeGreaterThan(0);
      expect(killedAt.length).toBeGreaterThan(0);
      expect(await scene.epoch()).toBe(epoch + 1);
      await everywhere('max_connections', '100');
      await everywhere('shared_buffers', '32MB');
      expect((await scene.cluster()).status?.insClassInfo?.className).toBe('local.small');
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'issue 5, "API server down for a minute": the operation goes on afterwards; nothing is restarted twice, one switch',
    async () => {
      const [leader, epoch] = [await scene.leader(), await scene.epoch()];
      const before = await scene.count('ModifyClass');
      await scene.ask('ModifyClass', { className: 'local.medium' });
      const begun = await waitFor(
        'the second pod to be made anew',
        async () => {
          const [operation] = (await scene.operations('ModifyClass')).slice(before);
          const renewals = (operation?.status?.steps ?? []).filter(({ name }) => name.startsWith('RenewPod'));
          return (renewals[1]?.attempts ?? 0) > 0 ? renewals : undefined;
        },
        { ...patient, intervalMs: 10 },
      );
      const first = begun[0]?.name.split('-').at(-1) ?? '';
      const started = 'select pg_postmaster_start_time()::text as at';
      const renewed = await scene.sql(first, started);
      process.kill(scene.home.controlPid(), 'SIGKILL');
      const since = systemClock.monotonic();
      while (systemClock.monotonic() - since < 60_000) await scene.writer.progress(20, signal);
      await scene.home.polarstackOk(['up', '--no-demo', '--timeout', '240'], { timeoutMs: 300_000 });
      succeeded(await scene.ended('ModifyClass', before));
      expect(await scene.sql(first, started)).toEqual(renewed);
      expect(await scene.epoch()).toBe(epoch + 1);
      expect(await scene.leader()).not.toBe(leader);
      await everywhere('max_connections', '200');
      await scene.nothingLost();
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
    await scene.change({ classInfoModifyTo: { className: 'local.none' } });
    await expect
      .poll(async () => (await scene.cluster()).status?.conditions?.find(({ type }) => type === 'Accepted')?.reason, {
        timeout: 60_000,
      })
      .toBe('ClassUnknown');
    await scene.change({ classInfoModifyTo: { className: '' } });
  });
});
