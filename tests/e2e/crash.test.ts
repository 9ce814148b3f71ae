/**
 * kill -9 of the control process: during create at every persisted step boundary and at seeded random moments, and at
 * rest. After `up` the cluster becomes or stays Ready; at rest no postmaster's pid changes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type MPDOperation, MPDOperations } from '@polarstack/api';
import { isStackError } from '@polarstack/base';
import { createKubeClient, loadKubeconfig } from '@polarstack/kube';
import { clusterManifest, createTestHome, missing, seededRandom, type TestHome } from '@polarstack/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

describe.skipIf(missing('postgres') || missing('kubectl'))('kill -9 of the control process', () => {
  let home: TestHome;

  beforeEach(async () => {
    home = createTestHome();
    await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
  }, 400_000);
  afterEach(async () => {
    await home.remove();
  }, 200_000);

  const killControl = (): void => {
    try {
      process.kill(home.controlPid(), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const up = async (): Promise<void> => {
    await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
  };
  const ready = async (name: string): Promise<void> => {
    await home.kubectlOk(['wait', '--for=condition=Ready', `mpd/${name}`, '--timeout=240s'], { timeoutMs: 260_000 });
  };
  /** One set of ids, one pod an instance, rows go through: what a create that was killed must still end in. */
  const checkWhole = async (name: string, instances: number): Promise<void> => {
    const cluster = await home.cluster(name);
    expect(cluster.instances.map(({ ready: isReady }) => isReady)).toEqual(Array(instances).fill(true));
    expect(cluster.instances.filter(({ role }) => role === 'primary')).toHaveLength(1);
    const pods = await home.kubectlOk(['get', 'pods', '-l', `apsara.metric.clusterName=${name}`, '-o', 'name']);
    expect(pods.trim().split('\n')).toHaveLength(instances);
    const operations = await home.kubectlOk([
      'get',
      'mpdop',
      '-o',
      'jsonpath={range .items[*]}{.spec.cluster} {.spec.type}{"\\n"}{end}',
    ]);
    expect(operations.split('\n').filter((line) => line === `${name} Create`)).toHaveLength(1);
    await home.polarstackOk([
      'psql',
      name,
      '-c',
      'create table if not exists t (i int)',
      '-c',
      'insert into t values (1)',
    ]);
  };
  /**
   * Follows the operations of a cluster, across deaths of the API, until the signal aborts. `onChange` is called where
   * something is seen that was not seen before: a step in a state, however many of them at once.
   */
  const followSteps = async (name: string, seen: Set<string>, onChange: () => void, signal: AbortSignal) => {
    const client = createKubeClient(await loadKubeconfig(home.kubeconfig));
    const look = (operations: readonly MPDOperation[]): void => {
      const marks = operations
        .filter((operation) => operation.spec.cluster === name)
        .flatMap(({ status }) => status?.steps ?? [])
        .filter(({ state }) => state !== 'Pending')
        .map((step) => `${step.name} ${step.state}`);
      const fresh = marks.filter((mark) => !seen.has(mark));
      for (const mark of fresh) seen.add(mark);
      if (fresh.length > 0) onChange();
    };
    while (!signal.aborted) {
      try {
        const { items, resourceVersion } = await client.list(MPDOperations, { namespace: 'default' }, signal);
        look(items);
        for await (const event of client.watch(MPDOperations, { namespace: 'default', resourceVersion }, signal)) {
          if (event.type !== 'BOOKMARK') look([event.object]);
        }
      } catch (error) {
        if (!isStackError(error) && !signal.aborted) throw error; // the API went away, which is what we do to it
        await sleep(10);
      }
    }
    await client.close();
  };

  test('at every persisted step boundary of create', { timeout: 900_000 }, async () => {
    const seen = new Set<string>();
    let kills = 0;
    const stop = new AbortController();
    await home.kubectlOk(['apply', '-f', '-'], { input: clusterManifest('edges', { followerNum: 1 }) });
    const kill = (): void => {
      kills++;
      killControl();
    };
    const following = followSteps('edges', seen, kill, stop.signal);
    for (let finished = false; !finished; ) {
      await home.polarstack(['up', '--no-demo'], { timeoutMs: 300_000 }); // may be killed under its hands
      const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
      finished = (await home.kubectl(['get', 'mpd', 'edges', '-o', path])).stdout === 'True';
    }
    stop.abort();
    await following;
    await up();
    await ready('edges');
    await checkWhole('edges', 2);
    process.stderr.write(`killed at ${kills} boundaries: ${[...seen].join(', ')}\n`);
    expect(kills).toBeGreaterThanOrEqual(5);
  });

  test('at 20 random moments of create', { timeout: 1_200_000 }, async () => {
    const random = seededRandom('random kills');
    let kills = 0;
    for (let round = 0; kills < 20; round++) {
      const name = `round-${round}`;
      await home.kubectlOk(['apply', '-f', '-'], { input: clusterManifest(name, { followerNum: 1 }) });
      // several kills in one create: the later ones hit its resumption
      for (let i = 0; i < 4 && kills < 20; i++, kills++) {
        await sleep(random() * 1_200);
        killControl();
        // Not to its end, which is the cluster's readiness.
        await home.polarstack(['up', '--no-demo', '--timeout', '0.05'], { timeoutMs: 300_000 });
      }
      await ready(name);
      await checkWhole(name, 2);
      await home.kubectlOk(['delete', 'mpd', name, '--timeout=120s']);
    }
  });

  test('at rest: no postmaster changes, and connections through the proxy live on', { timeout: 600_000 }, async () => {
    await home.kubectlOk(['apply', '-f', '-'], { input: clusterManifest('rest', { followerNum: 2 }) });
    await ready('rest');
    const before = await home.cluster('rest');
    const long = home.polarstack(['psql', 'rest', '-c', 'select pg_sleep(12)', '-c', "select 'alive'"]);
    await sleep(1_500); // until the session is under way; the sleep in it is longer than a kill and an up
    killControl();
    await up();
    await ready('rest');
    expect((await long).stdout).toContain('alive');
    const after = await home.cluster('rest');
    expect(after.instances.map(({ name, pid }) => [name, pid])).toEqual(
      before.instances.map(({ name, pid }) => [name, pid]),
    );
    await checkWhole('rest', 3);
  });
});
