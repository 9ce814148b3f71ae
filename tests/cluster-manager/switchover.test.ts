/**
 * Planned switches of a real cluster, asked for in its HA record, while a client writes through the rw service: the cluster manager
 * runs as a pod of the local home, engines are PostgreSQL.
 */
import { labels, MPDClusters } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { type SwitchStep, setElectable } from '@polarstack/ha';
import { ConfigMaps, createInformer, createKubeClient, loadKubeconfig, Pods, Secrets } from '@polarstack/kube';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createScene, patient, type Scene, signal } from './scene.ts';
import { connectAs, startWriter, type Writer } from './writer.ts';

const LIMIT_MS = 400_000;

describe.skipIf(missing('postgres') || missing('kubectl'))('planned switchover', () => {
  let scene: Scene;
  let writer: Writer;
  const watching = new AbortController();
  let follow: (step: (step: SwitchStep) => void) => () => void;

  beforeAll(async () => {
    scene = await createScene();
    writer = await startWriter(await scene.login());
    const informer = createInformer({ client: scene.client, resource: ConfigMaps, labelSelector: labels.haRecord });
    void informer.start(watching.signal);
    follow = (told) =>
      informer.onChange(({ object }) => {
        const { switch: running } = JSON.parse(object.data?.record ?? '{}') as { switch?: { step: SwitchStep } };
        if (running) told(running.step);
      });
  }, LIMIT_MS);

  afterAll(async () => {
    watching.abort();
    await writer.stop();
    await scene.close();
  }, LIMIT_MS);

  const others = async (): Promise<readonly string[]> => {
    const { members, primary } = await scene.record();
    return Object.keys(members).filter((id) => id !== primary);
  };
  const kill = (pid: number | undefined, how: NodeJS.Signals = 'SIGKILL'): void => {
    if (pid === undefined) throw new Error('there is no such process');
    process.kill(pid, how);
  };
  /** Asks for a switch, and does something once its record shows a step. */
  const disturb = async (step: SwitchStep, act: (from: string, to: string) => Promise<void> | void) => {
    const [to = ''] = await others();
    const { primary: from } = await scene.record();
    let acted: Promise<void> | undefined;
    const unfollow = follow((now) => {
      if (now === step) acted ??= Promise.resolve(act(from, to));
    });
    try {
      const result = await scene.result(await scene.ask(to));
      await acted;
      expect(acted, `step ${step} was seen`).toBeDefined();
      return { result, from, to };
    } finally {
      unfollow();
    }
  };
  /** Every row that was acknowledged is on the primary. */
  const nothingLost = async (): Promise<void> => {
    await writer.progress(20, signal);
    const { rows } = await writer.stop();
    const login = await scene.login();
    const client = await connectAs(login);
    const found = await client.query<{ n: string }>('select n from written');
    await client.end();
    const there = new Set(found.rows.map(({ n }) => Number(n)));
    expect(rows.filter((n) => !there.has(n))).toEqual([]);
    expect(rows.length).toBeGreaterThan(0);
    writer = await startWriter(login);
  };

  test('the chosen replica takes over; the other one follows without a restart, the old primary comes back', async () => {
    const before = await scene.settled();
    const [to = '', other = ''] = await others();
    const pidOf = async (id: string) => (await scene.engines())[await scene.podOf(id)];
    const pids = { to: await pidOf(to), other: await pidOf(other), old: await pidOf(before.primary) };
    const held = await connectAs(await scene.login());
    const result = await scene.switchTo(to);
    expect(result).toMatchObject({ outcome: 'done', from: before.primary, to, epoch: before.epoch + 1 });
    expect(result.left).toBeUndefined();
    await expect(held.query('select 1')).rejects.toThrow();
    const after = await scene.settled();
    expect(after).toMatchObject({ primary: to, epoch: before.epoch + 1 });
    expect(await scene.routed()).toBe(to);
    expect(await pidOf(other)).toBe(pids.other);
    expect(await pidOf(to)).toBe(pids.to);
    expect(await pidOf(before.primary)).not.toBe(pids.old);
    const again = await connectAs(await scene.login());
    const { rows } = await again.query<{ r: boolean }>('select pg_is_in_recovery() as r');
    await again.end();
    expect(rows[0]?.r).toBe(false);
    await nothingLost();
  }, 120_000);

  test('what cannot be done is refused at once, says why, and changes nothing', async () => {
    const before = await scene.settled();
    const [target = ''] = await others();
    await scene.change((record) => setElectable(record, target, false));
    expect(await scene.switchTo(target)).toMatchObject({
      outcome: 'refused',
      code: 'SwitchTargetUnfit',
      message: `${target} is not electable`,
      remedy: expect.stringMatching(/\S/),
    });
    await scene.change((record) => setElectable(record, target, true));
    expect(await scene.result(await scene.ask(target, { deadlineMs: -1 }))).toMatchObject({
      outcome: 'refused',
      code: 'SwitchDeadline',
    });
    const agent = scene.agentPid(await scene.podOf(target));
    kill(agent, 'SIGSTOP');
    const dead = await scene.switchTo(target);
    kill(agent, 'SIGCONT');
    expect(dead).toMatchObject({ outcome: 'refused', code: 'SwitchTargetUnfit' });
    expect(dead.message).toContain(`the agent of ${target} does not answer`);
    expect(await scene.switchTo(before.primary)).toMatchObject({ outcome: 'done', pauseMs: 0 });
    const after = await scene.record();
    expect([after.epoch, after.primary]).toEqual([before.epoch, before.primary]);
  }, 120_000);

  test('the same request twice is one switch; another one during it is refused', async () => {
    const before = await scene.settled();
    const [to = ''] = await others();
    const unfollow = follow(() => {
      unfollow();
      kill(scene.managerPid(), 'SIGSTOP');
    });
    const id = await scene.ask(to);
    await waitFor('the switch', async () => (await scene.record()).switch, patient);
    await scene.ask(to, { id });
    await scene.change((record) => ({
      ...record,
      request: {
        id: 'beside',
        kind: 'switchover',
        reason: '',
        requester: '',
        at: new Date().toISOString(),
        deadline: new Date(Date.now() + 60_000).toISOString(),
      },
    }));
    kill(scene.managerPid(), 'SIGCONT');
    expect(await scene.result(id)).toMatchObject({ outcome: 'done', to });
    expect(await scene.result('beside')).toMatchObject({ outcome: 'refused', code: 'SwitchRunning' });
    expect((await scene.settled()).epoch).toBe(before.epoch + 1);
  }, 120_000);

  test.each(['S1', 'S2', 'S3', 'S5', 'S6', 'S7', 'S8', 'S9'] as const)(
    'I8: the cluster manager is killed at %s: the next one ends the switch',
    async (step) => {
      await scene.settled();
      const { result, to } = await disturb(step, () => kill(scene.managerPid()));
      // A switch that was not begun may be refused by a manager that has just started.
      expect(result).toMatchObject({ outcome: 'done', to });
      await scene.settled();
      await nothingLost();
    },
    150_000,
  );

  test.each([
    ['S2', 'from'],
    ['S3', 'from'],
    ['S2', 'to'],
    ['S5', 'to'],
  ] as const)(
    'an agent is killed at %s (%s): one primary, and nothing is lost',
    async (step, whose) => {
      const before = await scene.settled();
      const { result } = await disturb(step, async (from, to) => {
        kill(scene.agentPid(await scene.podOf(whose === 'from' ? from : to)));
      });
      const after = await scene.settled();
      expect(result.outcome).not.toBe('refused');
      if (result.outcome === 'done') expect(after.epoch).toBe(before.epoch + 1);
      await nothingLost();
    },
    150_000,
  );

  test('the cluster manager may do what it does, and nothing else', async () => {
    const secret = { namespace: 'polarstack-system', name: 'polarstack-cluster-manager' };
    const { data } = await scene.client.get(Secrets, secret);
    const own = createKubeClient(await loadKubeconfig(Buffer.from(data?.kubeconfig ?? '', 'base64').toString()));
    const pod = { namespace: 'default', name: await scene.podOf((await scene.record()).primary) };
    const attempts: readonly (() => Promise<unknown>)[] = [
      async () => await own.list(Secrets),
      async () => await own.delete(Pods, pod),
      async () => await own.delete(ConfigMaps, { namespace: 'default', name: `${scene.name}-cmconfig` }),
      async () =>
        await own.patch(MPDClusters, { namespace: 'default', name: scene.name }, { type: 'merge', body: { spec: {} } }),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'Forbidden' });
    await own.close();
  });

  test('a pod of the cluster manager that is deleted comes back', async () => {
    const key = { namespace: 'polarstack-system', name: 'polarstack-cluster-manager' };
    const { metadata } = await scene.client.get(Pods, key);
    await scene.client.delete(Pods, key);
    await waitFor(
      'another pod that is ready',
      async () => {
        const pod = await scene.client.find(Pods, key);
        const ready = pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
        return ready && pod?.metadata?.uid !== metadata?.uid ? true : undefined;
      },
      patient,
    );
    await scene.settled();
    expect(await scene.switchTo()).toMatchObject({ outcome: 'done' });
  }, 120_000);
});
