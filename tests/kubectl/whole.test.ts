/** kubectl's less common commands, with the real program. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubectlLab, startLab } from './harness.ts';

let lab: KubectlLab;

describe.skipIf(missing('kubectl'))('kubectl', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    lab = await startLab();
    await lab.ok(['run', 'real', '--image=host']);
    const status =
      '{"status":{"phase":"Running","podIP":"127.0.0.1","containerStatuses":[{"name":"real","state":{"running":{}}}]}}';
    await lab.ok(['patch', 'pod', 'real', '--subresource=status', '-p', status]);
  });
  afterAll(async () => {
    await lab.stop();
  });

  it('applies, creates, replaces, compares and deletes lists', async () => {
    for (const name of ['one', 'two']) await lab.ok(['create', 'cm', name, '--from-literal=x=1']);
    const list = await lab.ok(['get', 'cm', 'one', 'two', '-o', 'yaml']);
    expect(list).toContain('kind: List');
    await lab.ok(['apply', '-f', '-'], list);
    const changed = list.replaceAll('x: "1"', 'x: "2"').replaceAll(/^ *resourceVersion:.*\n/gm, '');
    const difference = await lab.kubectl(['diff', '-f', '-'], { input: changed });
    expect(difference.code).toBe(1);
    expect(difference.stdout).toMatch(/^-\s+x: "1"\n\+\s+x: "2"$/m);
    expect(await lab.ok(['apply', '-f', '-'], changed)).toBe('configmap/one configured\nconfigmap/two configured\n');
    expect(await lab.ok(['replace', '-f', '-'], changed)).toBe('configmap/one replaced\nconfigmap/two replaced\n');
    expect(await lab.ok(['get', 'cm', 'two', '-o', 'jsonpath={.data.x}'])).toBe('2');
    const bad = changed.replaceAll('  kind: ConfigMap', '  kind: ConfigMap\n    bogus: 1'.replace('\n    ', '\n  '));
    expect((await lab.kubectl(['apply', '-f', '-'], { input: bad })).stderr).toContain('unknown field "bogus"');
    expect(await lab.ok(['delete', '-f', '-'], changed)).toContain('configmap "two" deleted');
    expect(await lab.ok(['create', '-f', '-'], changed.replaceAll(/^ *uid:.*\n/gm, ''))).toContain('one created');
  });

  it('applies kustomizations', async () => {
    const folder = join(lab.dir, 'kustomized');
    await mkdir(folder);
    await writeFile(
      join(folder, 'kustomization.yaml'),
      'namePrefix: k-\nconfigMapGenerator:\n  - name: made\n    literals: [a=b]\nresources: [plain.yaml]\n',
    );
    await writeFile(join(folder, 'plain.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n');
    expect(await lab.ok(['apply', '-k', folder])).toMatch(
      /^configmap\/k-made-\w+ created\nconfigmap\/k-plain created$/m,
    );
    expect(await lab.ok(['diff', '-k', folder])).toBe('');
  });

  it('waits for a path and reads raw paths', async () => {
    await lab.ok(['wait', '--for=jsonpath={.status.phase}=Running', 'pod/real', '--timeout=30s']);
    expect(await lab.ok(['get', '--raw', '/readyz'])).toBe('ok');
    expect(JSON.parse(await lab.ok(['get', '--raw', '/openapi/v2']))).toMatchObject({ swagger: '2.0' });
  });

  it('evicts pods, and tries it first', async () => {
    await lab.ok(['run', 'evicted', '--image=host', '--overrides={"spec":{"terminationGracePeriodSeconds":0}}']);
    const evict = async (body: object) =>
      await lab.kubectl(['create', '--raw', '/api/v1/namespaces/default/pods/evicted/eviction', '-f', '-'], {
        input: JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', ...body }),
      });
    expect((await evict({ metadata: { name: 'other' } })).stderr).toContain('name in URL does not match');
    expect((await evict({ metadata: { name: 'evicted' }, deleteOptions: { dryRun: ['All'] } })).code).toBe(0);
    await lab.ok(['get', 'pod', 'evicted']);
    expect(JSON.parse((await evict({ metadata: { name: 'evicted' } })).stdout)).toMatchObject({ status: 'Success' });
    expect((await lab.kubectl(['get', 'pod', 'evicted'])).stderr).toContain('not found');
  });

  it('copies files in both directions, whatever is in them', async () => {
    const folder = join(lab.dir, 'copied');
    await mkdir(join(folder, 'in', 'deep'), { recursive: true });
    const big = randomBytes(20 * 1024 * 1024);
    await writeFile(join(folder, 'in', 'big'), big);
    await writeFile(join(folder, 'in', 'deep', 'odd name'), Buffer.from([0, 255, 10, 13, 0]));
    await lab.ok(['cp', join(folder, 'in'), `real:${folder}/inside`]);
    expect((await readFile(join(folder, 'inside', 'big'))).equals(big)).toBe(true);
    await lab.ok(['cp', `real:${folder}/inside`, join(folder, 'out')]);
    expect((await readFile(join(folder, 'out', 'big'))).equals(big)).toBe(true);
    expect([...(await readFile(join(folder, 'out', 'deep', 'odd name')))]).toEqual([0, 255, 10, 13, 0]);
  });

  it('says clearly what is not offered', async () => {
    const refused = async (...args: readonly string[]): Promise<string> => {
      const said = await lab.kubectl(args);
      expect(said.code, args.join(' ')).toBe(1);
      return said.stderr;
    };
    expect(await refused('top', 'pod')).toContain('Metrics API not available');
    expect(await refused('create', 'quota', 'small', '--hard=pods=1')).toContain(
      'could not find the requested resource',
    );
    expect(await refused('create', 'token', 'default')).toContain('there are no tokens');
    expect(await refused('debug', 'real', '--image=host')).toContain('use `kubectl exec`');
    expect(await refused('autoscale', 'deployment', 'none', '--max=3')).toContain('not found');
  });
});
