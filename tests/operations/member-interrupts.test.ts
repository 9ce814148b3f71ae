/** What stops operations on members: each stops with a code and a remedy, leaves the cluster at work, and is resumed after the mend. */
import { MPDOperations } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Writer } from '../cluster-manager/writer.ts';
import { createMembersScene, type MembersScene, patient, signal } from './members-scene.ts';

describe.skipIf(missing('postgres') || missing('kubectl'))('interrupted operations on members', () => {
  let s: MembersScene;
  let writer: Writer;

  beforeAll(async () => {
    s = await createMembersScene('halt', { followerNum: 1 });
    writer = await s.writer();
    await writer.progress(20, signal);
  }, 500_000);
  afterAll(async () => {
    await writer?.stop();
    await s?.close();
  }, 200_000);

  /** Begins to add an RO on a node that goes while the copy is to be made; answers it stopped, with the node's switch. */
  const interrupted = async () => {
    const before = (await s.cluster()).status?.dbInstanceStatus ?? {};
    const used = Object.values(before).map(({ nodeName }) => nodeName);
    const node = ['node-1', 'node-2', 'node-3'].find((one) => !used.includes(one)) ?? '';
    const power = async (state: 'on' | 'off'): Promise<void> => {
      await s.home.kubectlOk(['annotate', 'node', node, `polarstack.io/power=${state}`, '--overwrite']);
    };
    const operated = s.operate('AddRo', { count: 1, node });
    await waitFor(
      'the pod to be made',
      async () => {
        const { items } = await s.client.list(MPDOperations, { namespace: 'default' });
        const found = items.find(({ spec, status }) => spec.type === 'AddRo' && status?.phase === 'Running');
        return found?.status?.steps?.find(({ name, state }) => name === 'CreateMembers' && state === 'Succeeded');
      },
      { ...patient, intervalMs: 5 },
    );
    await power('off');
    const operation = await operated;
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({
      phase: 'Interrupted',
      error: {
        code: expect.stringMatching(/AgentUnreachable|PodUnscheduled|PodNotRunning/),
        remedy: expect.any(String),
      },
    });
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
    await writer.progress(20, signal);
    return { operation, power, before: Object.keys(before).sort((a, b) => Number(a) - Number(b)) };
  };

  test('a node that goes while an instance is made on it: its agent does not answer; Resume ends it when the node is back', async () => {
    const { operation, power, before } = await interrupted();
    await power('on');
    const ended = await s.resume(operation);
    expect(ended.status, JSON.stringify(ended.status)).toMatchObject({ phase: 'Succeeded' });
    expect((await s.ids()).slice(0, -1)).toEqual(before);
    expect((await s.cluster()).spec.followerNum).toBe(2);
    const { rows } = await writer.stop();
    await s.whole(rows);
    writer = await s.writer();
  }, 900_000);

  test('RemoveRo does not wait for a node that is off', async () => {
    const leader = await s.leader();
    const gone = (await s.ids()).find((id) => id !== leader) ?? '';
    const node = (await s.cluster()).status?.dbInstanceStatus?.[gone]?.nodeName ?? '';
    await s.home.kubectlOk(['annotate', 'node', node, 'polarstack.io/power=off', '--overwrite']);
    const operation = await s.operate('RemoveRo', { instance: gone });
    expect(operation.status, JSON.stringify(operation.status)).toMatchObject({ phase: 'Succeeded' });
    expect(await s.ids()).not.toContain(gone);
    await s.home.kubectlOk(['annotate', 'node', node, 'polarstack.io/power=on', '--overwrite']);
    const { rows } = await writer.stop();
    await s.whole(rows);
    writer = await s.writer();
  }, 900_000);

  test('what a cancelled operation left is cleared away, also from a node that is off', async () => {
    const { operation, power, before } = await interrupted();
    const key = { namespace: 'default', name: operation.metadata.name ?? '' };
    const steering = { action: 'Cancel', requestId: 'cancel-1' };
    await s.client.patch(MPDOperations, key, { type: 'merge', body: { spec: { steering } } });
    await waitFor(
      'nothing to be left',
      async () => ((await s.ids()).join() === before.join() ? true : undefined),
      patient,
    );
    expect((await s.cluster()).spec.followerNum).toBe(before.length - 1);
    await power('on');
    const { rows } = await writer.stop();
    await s.whole(rows);
    writer = await s.writer();
  }, 900_000);
});
