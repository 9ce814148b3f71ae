/** Each verb of the command line on a real cluster: its plan, that the run is the plan, and the world afterwards. */
import type { MPDCluster, MPDOperation } from '@polarstack/api';
import { clusterManifest, createTestHome, missing, type TestHome } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const TEST_MS = 300_000;

describe.skipIf(missing('postgres') || missing('kubectl'))('verbs on a real cluster', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = createTestHome();
    await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
    await home.polarstackOk(['apply', '-f', '-'], {
      input: clusterManifest('shop', { followerNum: 1 }),
      timeoutMs: TEST_MS,
    });
  }, 700_000);
  afterAll(async () => await home.remove(), 200_000);

  const json = async <T>(args: readonly string[]): Promise<T> =>
    JSON.parse(await home.polarstackOk([...args, '-o', 'json'], { timeoutMs: TEST_MS })) as T;
  const cluster = async (): Promise<MPDCluster> =>
    JSON.parse(await home.kubectlOk(['get', 'mpd', 'shop', '-o', 'json'])) as MPDCluster;
  const query = async (sql: string): Promise<string> =>
    (await home.polarstackOk(['psql', 'shop', '--', '-Atc', sql])).trim();
  const instances = async (insType: 'rw' | 'ro') =>
    Object.values((await cluster()).status?.dbInstanceStatus ?? {}).filter((one) => one.insType === insType);
  const ro = async () => {
    const [first] = await instances('ro');
    return { id: first?.insId ?? '', pod: first?.podName ?? '', node: first?.nodeName ?? '' };
  };

  interface Plan {
    readonly outcome: string;
    readonly type: string;
    readonly steps: readonly { readonly step: string }[];
    readonly restarts: readonly string[];
  }

  /** Plans, changes nothing by that, then carries out what was planned, and nothing else. */
  async function planAndRun(...args: readonly string[]): Promise<{ plan: Plan; operation: MPDOperation }> {
    const before = (await cluster()).metadata.generation;
    const plan = await json<Plan>(['plan', ...args]);
    expect(plan.outcome).toBe('plan');
    expect((await cluster()).metadata.generation).toBe(before);
    const operation = await json<MPDOperation>(args);
    expect([operation.spec.type, operation.status?.phase]).toEqual([plan.type, 'Succeeded']);
    expect(operation.status?.steps?.map(({ name }) => name)).toEqual(plan.steps.map(({ step }) => step));
    expect(await home.kubectlOk(['get', 'mpdop', '-o', 'name'])).not.toContain('-plan-');
    return { plan, operation };
  }

  test('switchover to a named RO', { timeout: TEST_MS }, async () => {
    const { id, pod } = await ro();
    const { plan } = await planAndRun('switchover', 'shop', '--to', pod);
    expect(plan.type).toBe('SwitchRw');
    expect((await cluster()).status?.leaderInstanceId).toBe(id);
    expect(await query('select pg_is_in_recovery()')).toBe('f');
  });

  test('set-param: reload, restart, unset', { timeout: TEST_MS }, async () => {
    await planAndRun('set-param', 'shop', 'work_mem=8MB');
    expect(await query('show work_mem')).toBe('8MB');
    const { plan } = await planAndRun('set-param', 'shop', 'max_connections=210');
    expect(plan.restarts.length).toBeGreaterThan(0);
    expect(await query('show max_connections')).toBe('210');
    await planAndRun('set-param', 'shop', '--unset', 'work_mem');
    expect((await cluster()).spec.parameters).toEqual({ max_connections: '210' });
    expect(await query('show work_mem')).not.toBe('8MB');
  });

  test('restart of one instance and of all', { timeout: TEST_MS }, async () => {
    const { id } = await ro();
    expect((await planAndRun('restart', 'shop', id)).plan.restarts).toEqual([id]);
    expect((await planAndRun('restart', 'shop')).plan.restarts).toHaveLength(2);
  });

  test('scale up, and remove a chosen RO', { timeout: TEST_MS }, async () => {
    const { id } = await ro();
    await planAndRun('scale', 'shop', '--replicas', '2');
    expect(await instances('ro')).toHaveLength(2);
    await planAndRun('remove-replica', 'shop', id);
    expect((await instances('ro')).map(({ insId }) => insId)).not.toContain(id);
    expect((await cluster()).spec.followerNum).toBe(1);
  });

  test('migrate a RO', { timeout: TEST_MS }, async () => {
    const taken = [...(await instances('rw')), ...(await instances('ro'))].map(({ nodeName }) => nodeName);
    const free = ['node-1', 'node-2', 'node-3'].find((node) => !taken.includes(node)) ?? '';
    const { pod } = await ro();
    await planAndRun('migrate', 'shop', pod, free);
    expect((await ro()).node).toBe(free);
  });

  test('rebuild a RO', { timeout: TEST_MS }, async () => {
    const { id } = await ro();
    await planAndRun('rebuild', 'shop', id);
    expect(await instances('ro')).toHaveLength(1);
  });

  test('set-class', { timeout: TEST_MS }, async () => {
    await planAndRun('set-class', 'shop', 'local.medium');
    expect((await cluster()).status?.insClassInfo?.className).toBe('local.medium');
  });

  test('extend', { timeout: TEST_MS }, async () => {
    await planAndRun('extend', 'shop', '40Gi');
    expect((await cluster()).status?.appliedSpec?.localStore?.size).toBe('40Gi');
  });

  test('upgrade: the newest runs already', { timeout: TEST_MS }, async () => {
    expect(await home.polarstackOk(['upgrade', 'shop'])).toMatch(/^Nothing to do: it runs [\d.]+, the newest there is/);
  });

  test('refused: exit code 10, and why says it', { timeout: TEST_MS }, async () => {
    const { id, node } = await ro();
    await home.polarstackOk(['node', 'stop', node]);
    try {
      const refused = await home.polarstack(['switchover', 'shop', '--to', id], { timeoutMs: TEST_MS });
      expect([refused.code, refused.stderr]).toEqual([10, expect.stringMatching(/is refused: \w+: /)]);
      const why = await json<{ level: string; sentence: string; facts: readonly { what: string }[] }>(['why', 'shop']);
      expect(why.facts.some(({ what }) => /SwitchRw .* was refused/.test(what))).toBe(true);
    } finally {
      await home.polarstackOk(['node', 'start', node]);
    }
    await home.kubectlOk(['wait', '--for=condition=Ready', 'mpd/shop', '--timeout=120s'], { timeoutMs: 150_000 });
    expect((await json<{ level: string }>(['why', 'shop'])).level).toBe('fine');
  });

  test('history tells them all', { timeout: TEST_MS }, async () => {
    const past = await json<readonly { what: string; outcome: string; pauseMs: number | null }[]>(['history', 'shop']);
    const done = past.filter(({ outcome }) => outcome === 'Succeeded').map(({ what }) => what);
    expect(done).toEqual(expect.arrayContaining(['Create', 'SwitchRw', 'FlushParams', 'RestartIns', 'RestartCluster']));
    expect(past.some(({ what, pauseMs }) => what === 'switch of the RW' && (pauseMs ?? 0) > 0)).toBe(true);
  });
});
