/** The command line against the embedded API server: what it changes, and what it refuses to. */
import { GROUP, MPDClusters } from '@polarstack/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type CliScene, startCliScene } from './cli-scene.ts';

let scene: CliScene;
const run: CliScene['run'] = async (...parameters) => await scene.run(...parameters);
const ok: CliScene['ok'] = async (...parameters) => await scene.ok(...parameters);
beforeAll(async () => {
  scene = await startCliScene();
  await scene.makeCluster('demo', 'default', {});
});
afterAll(async () => {
  await scene.api.stop();
});

describe('create', () => {
  const absent = async (name: string): Promise<void> => {
    expect(await scene.api.client.find(MPDClusters, { namespace: 'default', name })).toBeUndefined();
  };

  test('--dry-run prints the cluster with its defaults and writes nothing', async () => {
    const shown = await ok(['create', 'dry', '--replicas', '1', '--param', 'work_mem=8MB', '--dry-run']);
    expect(parse(shown)).toMatchObject({
      kind: 'MPDCluster',
      metadata: { name: 'dry', namespace: 'default' },
      spec: { followerNum: 1, operatorName: 'polar-mpd', parameters: { work_mem: '8MB' } },
    });
    await absent('dry');
  });

  test.each([
    [['--class', 'local.huge'], 'ClassUnknown', /local\.huge/, /local\.small/],
    [['--engine-version', '13'], 'VersionNotInstalled', /13/, /15\.18/],
    [['--param', 'shared_bufers=64MB'], 'ParameterUnknown', /shared_bufers/, /./],
    [['--param', 'max_connections=0'], 'ParameterInvalid', /max_connections/, /./],
    [['--port', '9999'], 'PortOutOfRange', /9999/, /5400-5800/],
  ])('%j is refused before anything is written', async (args, code, message, remedy) => {
    const refused = await run(['create', '--name', 'refused', ...args]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(code);
    expect(refused.stderr).toMatch(message);
    expect(/remedy: (.*)/.exec(refused.stderr)?.[1]).toMatch(remedy);
    await absent('refused');
  });

  test('several problems are all told', async () => {
    const { stderr } = await run(['create', 'refused', '--class', 'x', '--param', 'a=b', '--param', 'c=d']);
    expect(stderr.match(/^error: /gm)).toHaveLength(3);
  });

  test('what the schema refuses is told in its words', async () => {
    const text = JSON.stringify({
      apiVersion: `${GROUP}/v1`,
      kind: 'MPDCluster',
      metadata: { name: 'refused' },
      spec: { dbClusterType: 'local', followerNum: -1, classInfo: { className: 'local.small' }, followers: 2 },
    });
    const refused = await run(['create', '-f', '-'], { input: text });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/followers|followerNum/);
    await absent('refused');
  });

  test.each([
    ['a: [', 'standard input'],
    ['kind: Pod\napiVersion: v1\nmetadata: {name: x}', 'v1 Pod'],
    ['', 'describes no cluster'],
  ])('a file that is no cluster is refused: %j', async (input, words) => {
    const refused = await run(['create', '-f', '-'], { input });
    expect([refused.code, refused.stderr.includes('ManifestInvalid')]).toEqual([2, true]);
    expect(refused.stderr).toContain(words);
  });

  test('a name that is taken is AlreadyExists', async () => {
    const refused = await run(['create', 'demo']);
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('default/demo exists already')]);
  });

  test('options and a file exclude each other; so do two names', async () => {
    expect((await run(['create', 'x', '-f', 'y'])).code).toBe(2);
    expect((await run(['create', '--replicas', '1', '-f', 'y'])).code).toBe(2);
    expect((await run(['create', 'x', '--name', 'y'])).code).toBe(2);
    expect((await run(['create'])).code).toBe(2);
  });

  test('it waits, showing the steps of the operation, until the cluster is ready', async () => {
    const stop = new AbortController();
    const operator = scene.playOperator('made', 'Succeeded', stop.signal);
    const shown = await ok(['create', 'made', '--replicas', '0', '--timeout', '60']);
    stop.abort();
    await operator;
    expect(shown).toBe(
      '✔ InitMeta  1.0 s\n✔ StartPrimary  1.0 s\nCluster default/made is ready. Connect: polarstack psql made\n',
    );
    expect((await scene.api.client.get(MPDClusters, { namespace: 'default', name: 'made' })).spec.followerNum).toBe(0);
  });

  test('an operation that fails ends the waiting with its reason', async () => {
    const stop = new AbortController();
    const operator = scene.playOperator('broken', 'Failed', stop.signal);
    const { code, stderr, stdout } = await run(['create', 'broken', '--timeout', '60']);
    stop.abort();
    await operator;
    expect(code).toBe(1);
    expect(stderr).toContain('disk full');
    expect(stderr).toContain('remedy: free some');
    expect(stdout).toContain('✘ StartPrimary  disk full');
  });
});

describe('delete', () => {
  test('what is not there is a clear error', async () => {
    const { code, stderr } = await run(['delete', 'nobody', '--yes']);
    expect([code, stderr.includes('there is no cluster nobody')]).toEqual([8, true]);
  });

  test('it asks, and changes nothing unless the answer is yes', async () => {
    await scene.makeCluster('doomed', 'default', {});
    const nobodyThere = await run(['delete', 'doomed']);
    expect([nobodyThere.code, nobodyThere.stderr.includes('--yes')]).toEqual([2, true]);
    expect(await ok(['delete', 'doomed'], { answer: false })).toBe('Nothing was changed.\n');
    expect(await ok(['list', '-o', 'name'])).toContain('doomed');
    expect(await ok(['delete', 'doomed'], { answer: true })).toBe('Cluster default/doomed is deleted.\n');
    expect(await ok(['list', '-o', 'name'])).not.toContain('doomed');
  });

  test('a protected cluster is refused, with the way to lift the protection', async () => {
    await scene.makeCluster('protected', 'default', {});
    const key = { namespace: 'default', name: 'protected' };
    await scene.api.client.patch(MPDClusters, key, { type: 'merge', body: { spec: { deletionProtection: true } } });
    const { stderr } = await run(['delete', 'protected', '--yes']);
    expect(stderr).toContain('DeletionProtected');
    expect(stderr).toContain('"deletionProtection":false');
    expect((await scene.api.client.get(MPDClusters, key)).metadata.deletionTimestamp).toBeUndefined();
  });
});
