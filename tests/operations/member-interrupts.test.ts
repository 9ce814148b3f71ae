/**
 * Issue 5, "Interrupts for real": a node that goes, an agent that does not answer, a replica that never catches up. Operations on members stop with a code and
 * a remedy, leave the cluster at work, and are resumed after the mend.
 */
import { type MPDOperation, MPDOperations } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { Nodes } from '@polarstack/kube';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { patient, signal } from './members-scene.ts';
import { createWrittenScene, impatient, LIMIT_MS, type WrittenScene } from './written-scene.ts';

describe.skipIf(missing('postgres') || missing('kubectl'))('interrupted operations on members', () => {
  let s: WrittenScene;

  beforeAll(async () => {
    s = await createWrittenScene('halt', { followerNum: 1 }, impatient);
    await s.writer.progress(20, signal);
  }, LIMIT_MS);
  afterAll(async () => {
    await s?.close();
  }, LIMIT_MS);

  /** Switches a node; ends when it is shown as such: one that is off has no process of a pod any more. */
  const power = async (node: string, state: 'on' | 'off'): Promise<void> => {
    const annotations = { 'polarstack.io/power': state };
    await s.client.patch(Nodes, { name: node }, { type: 'merge', body: { metadata: { annotations } } });
    await waitFor(
      `${node} to be ${state}`,
      async () => {
        const { status } = await s.client.get(Nodes, { name: node });
        const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
        return ready === (state === 'on') || undefined;
      },
      patient,
    );
  };

  /**
   * Keeps new replicas from being ready: a session holds the row by which they show that they have caught up. So they cannot
   * become members before `release`, however fast their copies are made.
   */
  const holdJoins = async (): Promise<{ release(): Promise<void> }> => {
    const holder = await s.session(await s.leader(), 'postgres');
    await holder.query('begin');
    await holder.query('lock table polarstack.canary in access exclusive mode');
    return { release: async () => await holder.end() };
  };

  /** Begins to add an RO on a node that goes while the copy is made; answers it stopped. */
  const interrupted = async () => {
    const before = (await s.cluster()).status?.dbInstanceStatus ?? {};
    const used = Object.values(before).map(({ nodeName }) => nodeName);
    const node = ['node-1', 'node-2', 'node-3'].find((one) => !used.includes(one)) ?? '';
    const joins = await holdJoins();
    const operated = s.operate('AddRo', { count: 1, node });
    try {
      await waitFor(
        'the pod to be made',
        async () => {
          const { items } = await s.client.list(MPDOperations, { namespace: 'default' });
          const found = items.find(({ spec, status }) => spec.type === 'AddRo' && status?.phase === 'Running');
          return found?.status?.steps?.find(({ name, state }) => name === 'CreateMembers' && state === 'Succeeded');
        },
        patient,
      );
      await power(node, 'off');
    } finally {
      await joins.release();
    }
    const operation = await operated;
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({
      phase: 'Interrupted',
      error: {
        code: expect.stringMatching(/AgentUnreachable|PodUnscheduled|PodNotRunning/),
        remedy: expect.stringMatching(/\S/),
      },
    });
    const step = operation.status?.steps?.find(({ state }) => state === 'Failed');
    expect(step?.name).toBe('JoinMembers');
    expect(step?.attempts).toBeGreaterThan(1);
    // The new one is nobody's business yet: the cluster is whole without it, and works.
    const { length } = Object.keys(before);
    const shown = await waitFor(
      'the cluster to show it',
      async () => {
        const { status } = await s.cluster();
        return status?.clusterStatus === 'Interrupt' ? status : undefined;
      },
      patient,
    );
    expect(shown.instances).toBe(`${length}/${length}`);
    expect(await s.ids()).toHaveLength(length + 1);
    await s.writer.progress(20, signal);
    return { operation, node, before: Object.keys(before).sort((a, b) => Number(a) - Number(b)) };
  };

  test(
    'a node that goes while an instance is made on it: its agent does not answer; Resume ends it when the node is back',
    async () => {
      const { operation, node, before } = await interrupted();
      const [sentence = ''] = (await s.why()).split('\n');
      expect(sentence).toMatch(
        /^halt: AddRo \(\S+\) stopped at step \d+\/\d+ JoinMembers with \w+: .* what helps: .*\.$/,
      );
      expect(sentence).toContain(`node ${node} is not ready`);
      await power(node, 'on');
      await s.agentsAnswer();
      const ended = await s.resume(operation);
      expect(ended.status, JSON.stringify(ended.status)).toMatchObject({ phase: 'Succeeded' });
      expect((await s.ids()).slice(0, -1)).toEqual(before);
      expect((await s.cluster()).spec.followerNum).toBe(2);
      await s.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'RemoveRo does not wait for a node that is off',
    async () => {
      const leader = await s.leader();
      const gone = (await s.ids()).find((id) => id !== leader) ?? '';
      const node = (await s.cluster()).status?.dbInstanceStatus?.[gone]?.nodeName ?? '';
      await power(node, 'off');
      const operation = await s.operate('RemoveRo', { instance: gone });
      expect(operation.status, JSON.stringify(operation.status)).toMatchObject({ phase: 'Succeeded' });
      expect(await s.ids()).not.toContain(gone);
      await power(node, 'on');
      await s.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'what a cancelled operation left is cleared away, also from a node that is off',
    async () => {
      const { operation, node, before } = await interrupted();
      await s.cancel(operation);
      await waitFor(
        'nothing to be left',
        async () => ((await s.ids()).join() === before.join() ? true : undefined),
        patient,
      );
      expect((await s.cluster()).spec.followerNum).toBe(before.length - 1);
      await power(node, 'on');
      await s.nothingLost();
    },
    LIMIT_MS,
  );

  /** The operation stopped because a replica stands still: with a code, a remedy, and one sentence that names the replica. */
  const standsStill = async (operation: MPDOperation, pod: string, why: RegExp): Promise<void> => {
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({
      phase: 'Interrupted',
      error: { code: 'ReplicaBehind', remedy: expect.stringMatching(/\S/) },
    });
    const [sentence = ''] = (await s.why()).split('\n');
    expect(sentence).toMatch(why);
    expect(sentence).toContain(pod);
    expect(sentence).toMatch(/what helps: .*\.$/);
    await s.writer.progress(20, signal);
  };
  const aReplica = async () => {
    const leader = await s.leader();
    const entries = Object.values((await s.cluster()).status?.dbInstanceStatus ?? {});
    const { insId = '', podName = '' } = entries.find((entry) => entry.insId !== leader) ?? {};
    return { leader, id: insId, pod: podName };
  };

  test(
    'a replica that never catches up, its replay is paused: the check of the cluster stops and says so',
    async () => {
      const { id, pod } = await aReplica();
      await s.sql(id, 'select pg_wal_replay_pause()');
      const operation = await s.operate('AddRo', { count: 1 });
      await standsStill(operation, pod, /^halt: AddRo .* VerifyCluster with ReplicaBehind: .* replay is paused/);
      await s.sql(id, 'select pg_wal_replay_resume()');
      const ended = await s.resume(operation);
      expect(ended.status, JSON.stringify(ended.status)).toMatchObject({ phase: 'Succeeded' });
      await s.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'a replica that never catches up, the RW does not let it stream: its restart stops and says so; the RW is left alone',
    async () => {
      const { leader, id, pod } = await aReplica();
      const epoch = await s.epoch();
      await s.sql(leader, 'alter role replicator nologin');
      const operation = await s.operate('RestartIns', { instance: id });
      await standsStill(operation, pod, /^halt: RestartIns .* RestartEngine\S* with ReplicaBehind: .* not streaming/);
      const restarted = (await s.starts())[id];
      await s.sql(leader, 'alter role replicator login');
      const ended = await s.resume(operation);
      expect(ended.status, JSON.stringify(ended.status)).toMatchObject({ phase: 'Succeeded' });
      expect((await s.starts())[id]).toBe(restarted);
      expect(await s.epoch()).toBe(epoch);
      await s.nothingLost();
    },
    LIMIT_MS,
  );
});
