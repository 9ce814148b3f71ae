/**
 * Each example of the original's user manual, typed with real kubectl: it does the same as the MPDOperation and as the command
 * of `polarstack` that stand beside it. The plans of all three are compared, then what kubectl asked for is carried out.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type MPDOperation, MPDOperations, names, type OperationType } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { isFinal, isPlanned, PLAN_SPEC_ANNOTATION } from '@polarstack/domain';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWalkScene, namespace, type Row, signal, type WalkScene } from '../walks/scene.ts';
import { type Example, type Now, nowOf } from './manual-example.ts';

const patient = { signal, timeoutMs: 240_000, intervalMs: 100 } as const;
const CLUSTER = 'manual';

describe.skipIf(missing('postgres') || missing('kubectl'))("the original's user manual", () => {
  let s: WalkScene;

  beforeAll(async () => {
    // An agent that is away is waited for, but not for long.
    const settings = { POLARSTACK_AGENT_SILENCE_SECONDS: '8' };
    s = await createWalkScene(CLUSTER, { followerNum: 2, localStore: { size: '2Gi' } }, settings);
  }, 500_000);
  afterAll(async () => {
    await s?.close();
  }, 200_000);

  const annotate = async (...annotations: readonly string[]): Promise<void> => {
    await s.home.kubectlOk(['annotate', 'mpdcluster', CLUSTER, ...annotations]);
  };
  /** `kubectl edit` in an editor that replaces one text by another. */
  const edit = async (object: readonly string[], from: RegExp, to: string): Promise<void> => {
    const editor = join(dirname(s.home.dir), 'editor.mjs');
    writeFileSync(
      editor,
      `#!/usr/bin/env node
import { readFileSync, writeFileSync } from 'node:fs';
const [, , file] = process.argv;
const before = readFileSync(file, 'utf8');
const after = before.replace(new RegExp(process.env.EDIT_FROM), process.env.EDIT_TO);
if (after === before) throw new Error('nothing to replace');
writeFileSync(file, after);
`,
    );
    chmodSync(editor, 0o755);
    const env = { EDITOR: editor, KUBE_EDITOR: editor, EDIT_FROM: from.source, EDIT_TO: to };
    await s.home.kubectlOk(['edit', ...object], { env });
  };
  const patch = async (spec: Row): Promise<void> => {
    await s.home.kubectlOk(['patch', 'mpd', CLUSTER, '--type=merge', '-p', JSON.stringify({ spec })]);
  };
  const second = (): string => `${new Date().toISOString().slice(0, 19)}Z`;

  const examples: readonly Example[] = [
    {
      title: 'restart one instance',
      type: 'RestartIns',
      parameters: ({ replicas }) => ({ instance: replicas[0] }),
      command: ({ replicas }) => ['restart', CLUSTER, replicas[0] ?? ''],
      kubectl: async ({ replicas }) => await annotate(`restartIns=${replicas[0]}`),
    },
    {
      title: 'restart the cluster',
      type: 'RestartCluster',
      command: () => ['restart', CLUSTER],
      kubectl: async () =>
        await edit(['mpdcluster', CLUSTER], /\n {2}annotations:\n/, '\n  annotations:\n    restartCluster: "true"\n'),
    },
    {
      title: 'switch the RW to a chosen RO',
      type: 'SwitchRw',
      parameters: ({ replicas }) => ({ instance: replicas[0] }),
      command: ({ replicas }) => ['switchover', CLUSTER, '--to', replicas[0] ?? ''],
      kubectl: async ({ replicas }) => await annotate(`switchRw=${replicas[0]}`),
    },
    {
      title: 'parameters: edit the ConfigMap, then flush',
      type: 'FlushParams',
      before: async () => {
        const item = /work_mem: '\{"name":"work_mem","value":"[^"]*","updateTime":"[^"]*"/;
        await edit(
          ['configmap', names.userParams(CLUSTER)],
          item,
          `work_mem: '{"name":"work_mem","value":"5120","updateTime":"${second()}"`,
        );
      },
      command: () => [],
      kubectl: async () => await annotate('flushParams=true'),
    },
    {
      title: 'parameters: one that needs a restart',
      type: 'FlushParams',
      before: async () => {
        const item = /max_connections: '\{"name":"max_connections","value":"[^"]*","updateTime":"[^"]*"/;
        await edit(
          ['configmap', names.userParams(CLUSTER)],
          item,
          `max_connections: '{"name":"max_connections","value":"90","updateTime":"${second()}"`,
        );
      },
      command: () => [],
      kubectl: async () => await annotate('flushParams=T'),
    },
    {
      title: 'parameters of the spec',
      type: 'FlushParams',
      spec: { parameters: { lock_timeout: '5000' } },
      command: () => ['set-param', CLUSTER, 'lock_timeout=5000'],
      kubectl: async () => await patch({ parameters: { lock_timeout: '5000' } }),
    },
    {
      title: 'more ROs: edit followerNum',
      type: 'AddRo',
      parameters: () => ({ count: 1 }),
      spec: { followerNum: 3 },
      command: () => ['scale', CLUSTER, '--replicas', '3'],
      kubectl: async () => await edit(['mpdcluster', CLUSTER], /\n {2}followerNum: 2\n/, '\n  followerNum: 3\n'),
    },
    {
      title: 'remove a chosen RO',
      type: 'RemoveRo',
      parameters: ({ replicas }) => ({ instance: replicas.at(-1) }),
      command: ({ replicas }) => ['remove-replica', CLUSTER, replicas.at(-1) ?? ''],
      kubectl: async ({ replicas }) => await annotate(`removeIns=${replicas.at(-1)}`),
    },
    {
      title: 'migrate an RO',
      type: 'MigrateRo',
      parameters: ({ replicas: [ro = ''], elsewhere }) => ({ instance: ro, node: elsewhere(ro) }),
      command: ({ replicas: [ro = ''], elsewhere }) => ['migrate', CLUSTER, ro, elsewhere(ro)],
      kubectl: async ({ replicas: [ro = ''], elsewhere }) => await annotate(`migrate=${ro}|${elsewhere(ro)}`),
    },
    {
      title: 'migrate the RW',
      type: 'MigrateRw',
      parameters: ({ leader, elsewhere }) => ({ instance: leader, node: elsewhere(leader) }),
      command: ({ leader, elsewhere }) => ['migrate', CLUSTER, leader, elsewhere(leader)],
      kubectl: async ({ leader, elsewhere }) => await annotate(`migrate=${leader}|${elsewhere(leader)}`),
    },
    {
      title: 'another class: classInfoModifyTo',
      type: 'ModifyClass',
      parameters: () => ({ className: 'local.medium' }),
      spec: { classInfoModifyTo: { className: 'local.medium' } },
      command: () => ['set-class', CLUSTER, 'local.medium'],
      kubectl: async () => await patch({ classInfoModifyTo: { className: 'local.medium' } }),
    },
    {
      title: 'another minor version: a new ConfigMap, then versionCfgModifyTo',
      type: 'UpgradeMinorVersion',
      parameters: () => ({ versionName: 'again' }),
      spec: { versionCfgModifyTo: { versionName: 'again' } },
      before: async () => {
        const map = await s.home.kubectlOk([
          'get',
          'cm',
          '-n',
          'kube-system',
          '-l',
          'configtype=minor_version_info',
          '-o',
          'json',
        ]);
        // The very programs that run, under another name: of the several that the home has.
        const image = (await s.cluster()).status?.engine?.image;
        const [found] = (JSON.parse(map) as { items: { data: Row; metadata: { labels: Row } }[] }).items.filter(
          ({ data }) => data.pgEngineImage === image,
        );
        await s.home.kubectlOk(['apply', '-f', '-'], {
          input: JSON.stringify({
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: {
              name: 'postgresql-15-minor-version-info-again',
              namespace: 'kube-system',
              labels: found?.metadata.labels,
            },
            data: { ...found?.data, name: 'again' },
          }),
        });
      },
      command: () => [],
      kubectl: async () => await patch({ versionCfgModifyTo: { versionName: 'again' } }),
    },
    {
      title: 'extend the storage',
      type: 'ExtendStorage',
      spec: { localStore: { size: '3Gi' } },
      parameters: () => ({ size: '3Gi' }),
      command: () => ['extend', CLUSTER, '3Gi'],
      kubectl: async () => {
        await patch({ localStore: { size: '3Gi' } });
        await annotate('extendStorage=true');
      },
    },
    {
      title: 'rebuild the cluster',
      type: 'Rebuild',
      command: () => ['rebuild', CLUSTER],
      kubectl: async () => await annotate('forceRebuild=1'),
    },
  ];

  const now = async (): Promise<Now> => nowOf(await s.cluster());

  const ended = async (name: string): Promise<MPDOperation> =>
    await waitFor(
      `${name} to end`,
      async () => {
        const found = await s.client.get(MPDOperations, { namespace, name });
        return isFinal(found) || found.status?.phase === 'Interrupted' ? found : undefined;
      },
      patient,
    );

  const planOf = async (
    type: OperationType,
    parameters: Row,
    spec: Row | undefined,
  ): Promise<MPDOperation['status']> => {
    const annotations = spec ? { [PLAN_SPEC_ANNOTATION]: JSON.stringify(spec) } : {};
    const name = await s.make(type, parameters, { planOnly: true }, annotations);
    return (await ended(name)).status;
  };
  const quiet = async (): Promise<void> => {
    await waitFor(
      'the cluster to be quiet',
      async () => {
        const open = (await s.operations()).filter((one) => !isFinal(one));
        const { status } = await s.cluster();
        const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
        return (open.length === 0 && ready && status?.clusterStatus === 'Running') || undefined;
      },
      patient,
    );
  };
  const steps = (status: MPDOperation['status']) => status?.plan ?? [];

  test('an annotation that asks for nothing is taken away with a warning, and nothing is begun', async () => {
    await quiet();
    const before = (await s.operations()).length;
    await annotate('restartCluster=yes');
    await waitFor(
      'the annotation to go',
      async () => ((await s.cluster()).metadata.annotations?.restartCluster === undefined ? true : undefined),
      patient,
    );
    const said = await waitFor(
      'a warning',
      async () => {
        const text = await s.home.kubectlOk([
          'get',
          'events',
          '--field-selector',
          'reason=RequestIgnored',
          '-o',
          'name',
        ]);
        return text === '' ? undefined : text;
      },
      patient,
    );
    expect(said).not.toBe('');
    expect(await s.operations()).toHaveLength(before);
  }, 300_000);

  for (const example of examples) {
    if (isPlanned(example.type)) continue;
    process.stderr.write(`left out: ${example.title}: ${example.type} is not carried out yet\n`);
  }

  test.each(examples.filter(({ type }) => isPlanned(type)).map((example) => [example.title, example] as const))(
    '%s',
    async (_title, { type, parameters = () => ({}), spec, command, kubectl, before }) => {
      await quiet();
      await before?.();
      const at = await now();
      const given = parameters(at);
      // The operator hears of a new entry of the catalog a moment after it was made.
      const planned = await waitFor(
        `a plan of ${type}`,
        async () => {
          const status = await planOf(type, given, spec);
          if (status?.plan === undefined || status.plan.length === 0) throw new Error(JSON.stringify(status));
          return status;
        },
        patient,
      );
      const words = command(at);
      if (words.length > 0) {
        const shown = JSON.parse(await s.home.polarstackOk(['plan', ...words, '-o', 'json'])) as Row;
        expect(shown).toMatchObject({ type, steps: steps(planned) });
      }
      const known = new Set((await s.operations()).map(({ metadata }) => metadata.uid));
      await kubectl(at);
      const made = await waitFor(
        `operation ${type}`,
        async () => (await s.operations()).find((one) => one.spec.type === type && !known.has(one.metadata.uid)),
        patient,
      );
      const { spec: asked, status } = await ended(made.metadata.name ?? '');
      expect(status, JSON.stringify(status)).toMatchObject({ phase: 'Succeeded' });
      expect(asked.parameters ?? {}).toEqual(given);
      expect(steps(status)).toEqual(steps(planned));
      expect(status?.consequences).toEqual(planned?.consequences);
      // Taken away, so that it is not asked for twice.
      const { metadata } = await s.cluster();
      const { 'kubectl.kubernetes.io/last-applied-configuration': _, ...annotations } = metadata.annotations ?? {};
      expect(annotations).toEqual({});
    },
    500_000,
  );

  test('what the parameters were set to is what runs', async () => {
    await quiet();
    const ids = Object.keys((await s.cluster()).status?.dbInstanceStatus ?? {});
    for (const id of ids) {
      const rows = await s.sql(
        id,
        `select name, setting from pg_settings where name in ('work_mem', 'max_connections') order by name`,
      );
      expect(rows).toEqual([
        { name: 'max_connections', setting: '90' },
        { name: 'work_mem', setting: '5120' },
      ]);
    }
  }, 300_000);

  test('cancelled=true ends what runs; interrupt.recover=T resumes what was interrupted', async () => {
    await quiet();
    const at = await now();
    const [ro = ''] = at.replicas;
    const node = (await s.cluster()).status?.dbInstanceStatus?.[ro]?.nodeName ?? '';
    // Its agent is away, and the operation does not wait for it long.
    await s.home.polarstackOk(['node', 'stop', node]);
    const retry = { limit: 1, baseMs: 100, maxMs: 200 };
    const [first, other] = [
      await s.make('RestartIns', { instance: ro }, { retry }),
      await s.make('RestartIns', { instance: ro }, { retry }),
    ];
    const interrupted = await ended(first);
    expect(interrupted.status, JSON.stringify(interrupted.status)).toMatchObject({ phase: 'Interrupted' });
    const why = await waitFor(
      'the annotations that say why',
      async () => {
        const { metadata, status } = await s.cluster();
        return status?.clusterStatus === 'Interrupt' && metadata.annotations?.['interrupt.reason']
          ? metadata.annotations
          : undefined;
      },
      patient,
    );
    expect(why).toMatchObject({
      'interrupt.recover': 'F',
      'interrupt.reason': interrupted.status?.error?.code,
      'interrupt.previous.status': 'RestartIns',
    });
    await s.home.polarstackOk(['node', 'start', node]);
    await s.home.kubectlOk(['annotate', '--overwrite', 'mpdcluster', CLUSTER, 'interrupt.recover=T']);
    await waitFor(
      'the first to end',
      async () =>
        (await s.client.get(MPDOperations, { namespace, name: first })).status?.phase === 'Succeeded'
          ? true
          : undefined,
      patient,
    );
    expect((await ended(other)).status).toMatchObject({ phase: 'Succeeded' });
    await quiet();
    const held = await s.make('SwitchRw', {}, { approval: { required: true, approved: false } });
    await waitFor(
      'it to wait',
      async () => (await s.client.get(MPDOperations, { namespace, name: held })).status?.plan,
      patient,
    );
    await annotate('cancelled=true');
    expect((await ended(held)).status).toMatchObject({ phase: 'Cancelled' });
    await quiet();
    expect((await s.cluster()).metadata.annotations?.cancelled).toBeUndefined();
  }, 500_000);

  test('kubectl delete', async () => {
    await s.home.kubectlOk(['delete', 'mpdcluster', CLUSTER, '--timeout=120s'], { timeoutMs: 140_000 });
    const left = await s.home.kubectlOk([
      'get',
      'pods,pvc,secrets,configmaps',
      '-l',
      `mpd.polardb.aliyun.com/cluster=${CLUSTER}`,
      '-o',
      'name',
    ]);
    expect(left).toBe('');
  }, 300_000);
});
