/**
 * Issue 5, "Interrupts for real": a node that goes, and an agent that does not answer. Operations on members stop with a code and
 * a remedy, leave the cluster at work, and are resumed after the mend.
 */
import { MPDOperations } from '@polarstack/api';
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
    await s.home.kubectlOk(['annotate', 'node', node, `polarstack.io/power=${state}`, '--overwrite']);
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
});
