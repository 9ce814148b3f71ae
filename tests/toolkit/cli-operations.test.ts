/** Verbs, plans and steering of the command line against the embedded API server, with an operator that is played. */
import { type MPDCluster, MPDClusters, type MPDOperation, MPDOperations } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CliScene, printed, runningStatus, startCliScene } from './cli-scene.ts';
import { playedInstance as instance, settleCluster } from './played-cluster.ts';
import { playOperations, type Script } from './played-operations.ts';

let scene: CliScene;
let script: Script = {};
const stop = new AbortController();
let playing: Promise<void>;
const run: CliScene['run'] = async (...parameters) => await scene.run(...parameters);
const ok: CliScene['ok'] = async (...parameters) => await scene.ok(...parameters);
const key = { namespace: 'default', name: 'demo' };
const cluster = async (): Promise<MPDCluster> => await scene.api.client.get(MPDClusters, key);
const operations = async (): Promise<readonly MPDOperation[]> => (await scene.api.client.list(MPDOperations)).items;

const settle = async (type?: string): Promise<void> => await settleCluster(scene.api.client, key, type);

beforeAll(async () => {
  scene = await startCliScene();
  await scene.makeCluster('demo', 'default', {
    ...runningStatus,
    leaderInstanceId: '1000',
    logicId: '999',
    insClassInfo: { className: 'local.small' },
    dbInstanceStatus: { '1000': instance('1000', 'rw'), '1001': instance('1001', 'ro') },
  });
  await settle();
  playing = playOperations(scene.api.client, { scriptOf: () => script, onDone: settle, signal: stop.signal });
});
afterAll(async () => {
  stop.abort();
  await playing;
  await scene.api.stop();
});
beforeEach(async () => {
  script = {};
  for (const { metadata } of await operations()) {
    await scene.api.client.delete(MPDOperations, { namespace: 'default', name: metadata.name ?? '' });
  }
});

/** The name of the one operation that there is. */
async function theOperation(phase?: string): Promise<string> {
  const found = await waitFor(
    'the operation',
    async () => {
      const all = await operations();
      return all.find(({ status }) => phase === undefined || status?.phase === phase);
    },
    { signal: stop.signal, timeoutMs: 30_000, intervalMs: 10 },
  );
  return found.metadata.name ?? '';
}

describe('verbs', () => {
  test.each<[string[], string, object]>([
    [['switchover', 'demo'], 'SwitchRw', {}],
    [['switchover', 'demo', '--to', '1001'], 'SwitchRw', { instance: '1001' }],
    [['switchover', 'demo', '--to', 'demo-1001-1001'], 'SwitchRw', { instance: '1001' }],
    [['restart', 'demo'], 'RestartCluster', { mode: 'rolling' }],
    [['restart', 'demo', '--all-at-once'], 'RestartCluster', { mode: 'all' }],
    [['restart', 'demo', 'demo-1000-1000'], 'RestartIns', { instance: '1000' }],
    [['migrate', 'demo', '1001', 'node-1'], 'MigrateRo', { instance: '1001', node: 'node-1' }],
    [['migrate', 'demo', 'demo-1000-1000', 'node-2'], 'MigrateRw', { instance: '1000', node: 'node-2' }],
    [['rebuild', 'demo'], 'Rebuild', {}],
    [['rebuild', 'demo', '1001'], 'RebuildRo', { instance: '1001' }],
    [['remove-replica', 'demo'], 'RemoveRo', {}],
    [['remove-replica', 'demo', '1001'], 'RemoveRo', { instance: '1001' }],
  ])('%j makes a %s, shows its steps and ends with it', async (args, type, parameters) => {
    const before = await cluster();
    const shown = await ok(args);
    expect(shown).toBe(
      '✔ RestartEngine-1001  1.0 s\n✔ SwitchPrimary-1001  1.0 s\n✔ UpdateRunningStatus  1.0 s\n' +
        `${type} of default/demo is done in 3.0 s.\n`,
    );
    const [made] = await operations();
    expect(made?.spec).toMatchObject({ type, parameters, cluster: 'demo', reason: `polarstack ${args[0]}` });
    expect(made?.spec.requester).toMatch(/\w/);
    expect(made?.metadata.ownerReferences?.[0]?.uid).toBe(before.metadata.uid);
    expect((await cluster()).spec).toEqual(before.spec);
  });

  test.each<[string[], string, (spec: MPDCluster['spec']) => unknown, unknown]>([
    [['scale', 'demo', '--replicas', '2'], 'AddRo', (spec) => spec.followerNum, 2],
    [['set-class', 'demo', 'local.medium'], 'ModifyClass', (spec) => spec.classInfo.className, 'local.medium'],
    [
      ['set-param', 'demo', 'work_mem=8MB', 'jit=off'],
      'FlushParams',
      (spec) => spec.parameters,
      { work_mem: '8MB', jit: 'off' },
    ],
    [['set-param', 'demo', '--unset', 'jit'], 'FlushParams', (spec) => spec.parameters, { work_mem: '8MB' }],
  ])("%j edits the spec and follows the operator's %s", async (args, type, read, wanted) => {
    const { metadata } = await cluster();
    expect(await ok(args)).toMatch(new RegExp(`^✔ RestartEngine.*\n(.*\n)*${type} of default/demo is done`));
    expect(read((await cluster()).spec)).toEqual(wanted);
    const [made] = (await operations()).filter((one) => one.spec.type === type);
    expect(made?.spec).toMatchObject({ requester: 'spec' });
    expect(made?.metadata.name).toMatch(/-g\d+$/);
    expect((await cluster()).metadata.uid).toBe(metadata.uid);
  });

  test('-o json gives the operation, -o name its name', async () => {
    const made = JSON.parse(await ok(['restart', 'demo', '1001', '-o', 'json'])) as MPDOperation;
    expect([made.kind, made.status?.phase]).toEqual(['MPDOperation', 'Succeeded']);
    const names = (await operations()).map(({ metadata }) => metadata.name);
    expect(await ok(['restart', 'demo', '1001', '-o', 'name'])).not.toBe(`${names[0]}\n`);
  });

  test('--no-wait returns with how to go on', async () => {
    expect(await ok(['switchover', 'demo', '--no-wait'])).toBe(
      `Operation ${await theOperation()} is asked for; see polarstack operation show ${await theOperation()} -w.\n`,
    );
  });
});

describe('bad input is refused before anything is made', () => {
  test.each<[string[], number, RegExp]>([
    [['switchover', 'nobody'], 8, /there is no cluster nobody/],
    [['switchover', 'demo', '--to', '9999'], 8, /no instance 9999[\s\S]*1000 \(demo-1000-1000, rw\)/],
    [['migrate', 'demo', '1001', 'node-9'], 8, /no node node-9[\s\S]*node-1, node-2/],
    [['rebuild', 'demo', '1000'], 2, /1000 is the RW[\s\S]*switchover/],
    [['remove-replica', 'demo', 'demo-1000-1000'], 2, /is the RW/],
    [['restart', 'demo', '1001', '--all-at-once'], 2, /either an instance or --all-at-once/],
    [['scale', 'demo'], 2, /--replicas/],
    [['scale', 'demo', '--replicas', '16'], 2, /0 to 15/],
    [['set-class', 'demo', 'local.huge'], 2, /ClassUnknown[\s\S]*local\.small/],
    [['set-param', 'demo'], 2, /name=value or --unset NAME/],
    [['set-param', 'demo', 'work_mem'], 2, /work_mem: name=value is needed/],
    [['set-param', 'demo', 'work_mem=1'], 2, /ParameterInvalid/],
    [['set-param', 'demo', 'shared_bufers=1GB'], 2, /ParameterUnknown/],
    [['set-param', 'demo', '--unset', 'jit'], 2, /does not set jit/],
    [['upgrade', 'demo', '15.99'], 8, /no version 15\.99[\s\S]*15\.18/],
    [['extend', 'demo', 'big'], 2, /a size such as 20Gi/],
    [['plan', 'nonsense', 'demo'], 2, /unknown command 'nonsense'/],
    [['operation', 'show', 'nobody'], 8, /there is no operation nobody/],
  ])('%j', async (args, code, words) => {
    const before = await cluster();
    const refused = await run(args);
    expect([refused.code, refused.stderr]).toEqual([code, expect.stringMatching(words)]);
    expect(await operations()).toEqual([]);
    expect((await cluster()).metadata.generation).toBe(before.metadata.generation);
  });

  test.each([
    [['switchover', 'demo', '--to', '1000'], 'Nothing to do: 1000 is the RW already.\n'],
    [['migrate', 'demo', '1001', 'node-2'], 'Nothing to do: 1001 is on node-2 already.\n'],
  ])('%j asks for what is so', async (args, words) => {
    expect(await ok(args)).toBe(words);
    expect(await operations()).toEqual([]);
  });
});

describe('plan', () => {
  test.each([
    ['switchover', 'demo'],
    ['scale', 'demo', '--replicas', '5'],
    ['set-class', 'demo', 'local.large'],
    ['set-param', 'demo', 'maintenance_work_mem=64MB'],
    ['restart', 'demo'],
    ['migrate', 'demo', '1001', 'node-1'],
    ['rebuild', 'demo', '1001'],
    ['remove-replica', 'demo', '1001'],
    ['extend', 'demo', '30Gi'],
  ])('%s %s: the same by `plan` and by --plan, and nothing is left or changed', async (...args) => {
    const before = await cluster();
    const shown = await ok(['plan', ...args]);
    expect(shown).toContain('; nothing was changed');
    expect(shown).toMatch(/2 +SwitchPrimary-1001 +Move the RW +writes pause/);
    expect(shown).toMatch(/restarts: +demo-1001-1001 \(1001\)/);
    expect(shown).toMatch(/moves: +demo-1001-1001 \(1001\): node-2 to node-1/);
    expect(shown).toMatch(/write pauses: +about 300 ms: the RW moves/);
    expect(shown).toMatch(/checked first: +1001 streams/);
    expect(shown).toMatch(/risks: +The switch is refused/);
    expect(await ok([...args, '--plan'])).toBe(shown);
    const json = JSON.parse(await ok(['plan', ...args, '-o', 'json'])) as object;
    expect(json).toMatchObject({ outcome: 'plan', cluster: 'demo', restarts: ['1001'], steps: [{}, {}, {}] });
    expect(await operations()).toEqual([]);
    expect((await cluster()).metadata.generation).toBe(before.metadata.generation);
  });

  test('one that is refused says why, with exit code 10, and leaves nothing', async () => {
    script = { refuse: { code: 'NoSwitchTarget', message: '1001 does not stream', remedy: 'Mend 1001.' } };
    const refused = await run(['plan', 'switchover', 'demo']);
    expect([refused.code, refused.stderr]).toEqual([
      10,
      'error: SwitchRw is refused: NoSwitchTarget: 1001 does not stream\n  code:   OperationRefused\n  remedy: Mend 1001.\n',
    ]);
    expect(await operations()).toEqual([]);
  });
});

describe('how a wait ends', () => {
  test('refused: 10', async () => {
    script = { refuse: { code: 'NoSwitchTarget', message: '1001 does not stream', remedy: 'Mend 1001.' } };
    expect(await run(['switchover', 'demo'])).toMatchObject({ code: 10, stdout: '' });
  });

  test('stopped: 11, with what to do, and resume goes on', async () => {
    script = { interrupt: true };
    const stopped = await run(['restart', 'demo']);
    const name = await theOperation();
    expect(stopped.code).toBe(11);
    expect(stopped.stdout).toBe('✔ RestartEngine-1001  1.0 s\n✘ SwitchPrimary-1001  no space left\n');
    expect(stopped.stderr).toContain(
      `RestartCluster (${name}) stopped at step SwitchPrimary-1001: DiskFull: no space left`,
    );
    expect(stopped.stderr).toContain(`Free space on the volume. Then: polarstack operation resume ${name}`);
    expect(await ok(['operation', 'resume', name, '-w'])).toMatch(/phase: +Succeeded/);
  });

  test('cancelled: 12, as the one who waits sees it', async () => {
    script = { interrupt: true };
    await run(['restart', 'demo']);
    const name = await theOperation('Interrupted');
    expect(await ok(['operation', 'cancel', name])).toBe(
      `${name} is being cancelled; see polarstack operation show ${name} -w.\n`,
    );
    script = { stall: true };
    const waiting = run(['restart', 'demo', '1001']);
    const other = await waitFor(
      'the other operation',
      async () => (await operations()).find(({ spec }) => spec.type === 'RestartIns')?.metadata.name,
      { signal: stop.signal, timeoutMs: 30_000, intervalMs: 10 },
    );
    await ok(['operation', 'cancel', other]);
    expect(await waiting).toMatchObject({ code: 12 });
  });

  test('too late: 6, and it goes on', async () => {
    script = { stall: true };
    const late = await run(['switchover', 'demo', '--timeout', '1']);
    expect(late.code).toBe(6);
    expect(late.stderr).toMatch(/has not ended after 1 s[\s\S]*It goes on: polarstack operation show demo-switchrw-/);
  });

  test('Ctrl-C: 130, the operation goes on and the message says how to see it', async () => {
    script = { stall: true };
    const waiting = run(['switchover', 'demo']);
    const name = await theOperation();
    await waitFor('the wait', async () => process.listenerCount('SIGINT') > 0 || undefined, {
      signal: stop.signal,
      timeoutMs: 10_000,
    });
    process.emit('SIGINT', 'SIGINT');
    const ended = await waiting;
    expect(ended.code).toBe(130);
    expect(ended.stderr).toContain(
      `polarstack operation show ${name} -w. To end it: polarstack operation cancel ${name}`,
    );
    expect((await operations())[0]?.status?.phase).toBeUndefined();
  });
});

describe('steering', () => {
  test('approve: it waits with its plan, is shown, and runs once it is approved', async () => {
    const asked = await ok(['switchover', 'demo', '--approve-later', '--reason', 'tuesday']);
    const name = await theOperation();
    expect(asked).toContain(`Operation ${name} waits for approval`);
    await waitFor('its plan', async () => (await operations())[0]?.status?.plan, {
      signal: stop.signal,
      timeoutMs: 30_000,
    });
    const shown = await ok(['operation', 'show', name]);
    expect(shown).toMatch(/approval: +is needed/);
    expect(shown).toMatch(/asked: .*: tuesday/);
    expect(shown).toMatch(/2 +SwitchPrimary-1001 +Move the RW +writes pause/);
    expect(await ok(['why', 'demo'])).toContain(`SwitchRw (${name}) waits for approval`);
    expect(await ok(['operation', 'approve', name, '-w'])).toMatch(/phase: +Succeeded/);
    expect((await operations())[0]?.spec.approval).toMatchObject({
      approved: true,
      approver: expect.stringMatching(/\w/),
    });
    expect((await run(['operation', 'approve', name])).code).toBe(2);
  });

  test.each([
    ['retry', 'RetryStep'],
    ['skip', 'SkipStep'],
    ['resume', 'Resume'],
  ])('%s asks for %s', async (word, action) => {
    script = { interrupt: true };
    await run(['restart', 'demo']);
    const name = await theOperation('Interrupted');
    expect(await ok(['operation', word, name])).toBe(`${name} goes on; see polarstack operation show ${name} -w.\n`);
    expect((await operations())[0]?.spec.steering).toMatchObject({ action });
    await theOperation('Succeeded');
    const late = await run(['operation', word, name]);
    expect([late.code, late.stderr]).toEqual([2, expect.stringContaining('has ended (Succeeded)')]);
  });

  test('what the operator refuses is refused, with its words and exit code 10', async () => {
    script = { interrupt: true };
    await run(['restart', 'demo']);
    const refused = await run(['operation', 'pause', await theOperation('Interrupted')]);
    expect([refused.code, refused.stderr]).toEqual([10, expect.stringContaining('it stands already. Resume it.')]);
  });
});

describe('what is told', () => {
  test('operations -w shows changes until it is stopped; history what has ended; why what stopped', async () => {
    let shown = '';
    const watching = run(['operations', 'demo', '-w'], { onOutput: (text) => (shown = text) });
    await printed('an empty list', () => shown.includes('There are no operations.'));
    await ok(['restart', 'demo', '1001']);
    await printed('its end', () => /RestartIns +Succeeded/.test(shown));
    process.emit('SIGINT', 'SIGINT');
    expect((await watching).code ?? 0).toBe(0);
    script = { interrupt: true };
    await run(['restart', 'demo']);
    const name = await theOperation('Interrupted');
    const answer = await ok(['why', 'demo']);
    expect(answer.split('\n')[0]).toMatch(
      new RegExp(
        `^demo: RestartCluster \\(${name}\\) stopped at step 2/3 SwitchPrimary-1001 with DiskFull: no space left`,
      ),
    );
    expect(JSON.parse(await ok(['why', 'demo', '-o', 'json']))).toMatchObject({ level: 'wrong', cluster: 'demo' });
    const history = await ok(['history', 'demo']);
    expect(history).toMatch(/RestartIns +Succeeded +\w+ +3\.0 s +- +polarstack restart/);
    expect(history).not.toContain('RestartCluster');
  });
});

describe('apply', () => {
  const manifest = (spec: object): string =>
    JSON.stringify({
      apiVersion: 'mpd.polardb.aliyun.com/v1',
      kind: 'MPDCluster',
      metadata: { name: 'demo' },
      spec: { dbClusterType: 'local', followerNum: 1, classInfo: { className: 'local.medium' }, ...spec },
    });

  test('--plan says the changes and the plan of each, and changes nothing', async () => {
    const before = await cluster();
    const shown = await ok(['apply', '-f', '-', '--plan'], { input: manifest({ parameters: { geqo: 'off' } }) });
    expect(shown).toContain('default/demo will be changed:\n');
    expect(shown).toContain('  spec.parameters.geqo: not set -> off\n');
    expect(shown).toContain('FlushParams: 3 steps, 1 restart, 1 write pause\n');
    expect(shown).toMatch(/write pauses: +about 300 ms/);
    expect((await cluster()).metadata.generation).toBe(before.metadata.generation);
    expect(await operations()).toEqual([]);
  });

  test('it writes, follows each operation, and says when there is nothing to do', async () => {
    const input = manifest({ description: 'applied', parameters: { geqo: 'off' } });
    const shown = await ok(['apply', '-f', '-'], { input });
    expect(shown).toContain('spec.description: not set -> applied');
    expect(shown).toContain('spec.followerNum: 2 -> 1');
    const types = (await operations()).map((one) => one.spec.type);
    expect([...types].sort()).toEqual(['FlushParams', 'RemoveRo']);
    expect(shown).toMatch(/✔ UpdateRunningStatus[\s\S]*Cluster default\/demo is as the file says\.\n$/);
    const { spec } = await cluster();
    expect(spec.parameters).toEqual({ geqo: 'off' });
    expect(await ok(['apply', '-f', '-'], { input })).toBe('default/demo is as the file says.\n');
  });

  test.each([
    [{ classInfo: { className: 'local.huge' } }, /ClassUnknown/],
    [{ followerNum: -1 }, /followerNum/],
    [{ nonsense: 1 }, /nonsense/],
    [{ parameters: { nonsense: '1' } }, /ParameterUnknown/],
  ])('%j is refused and changes nothing', async (spec, words) => {
    const before = await cluster();
    const refused = await run(['apply', '-f', '-'], { input: manifest(spec) });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(words)]);
    expect((await cluster()).metadata.generation).toBe(before.metadata.generation);
  });

  test('two of the same name are refused', async () => {
    const text = `${manifest({})}\n---\n${manifest({})}`;
    expect((await run(['apply', '-f', '-'], { input: text })).stderr).toContain('is in it twice');
  });
});
