/**
 * What a walk may do to a cluster, as a table: a new operation is one more line. Each line says what it did, for the
 * history; what the API server or the operator refuses is a change as good as any other.
 */
import { type MPDOperation, type OperationType, MPDOperations as operations } from '@polarstack/api';
import { isStackError } from '@polarstack/base';
import { isFinal } from '@polarstack/domain';
import { Pods } from '@polarstack/kube';
import { namespace, SMALLEST, type WalkScene } from './scene.ts';

/** Choices of one change, drawn from the seed: the same seed draws the same ones, whatever the cluster is like. */
export interface Draw {
  /** One of them; undefined where there is none. */
  of<T>(choices: readonly T[]): T | undefined;
  /** A whole number from `low` to `high`. */
  number(low: number, high: number): number;
}

export interface Change {
  readonly name: string;
  /** How often compared with the others. */
  readonly weight: number;
  /** Made only where such operations are carried out. */
  readonly needs?: OperationType;
  /** Answers what was done, in words. */
  readonly make: (scene: WalkScene, draw: Draw) => Promise<string>;
}

const NODES = ['node-1', 'node-2', 'node-3'] as const;
const UNKNOWN = '9999';
/** Sizes of volumes, from a little to more than there is: a smaller one than before is refused. */
const SIZES = [SMALLEST, '320Mi', '384Mi', '448Mi', '512Mi'] as const;

const ids = async (scene: WalkScene): Promise<readonly string[]> =>
  Object.keys((await scene.cluster()).status?.dbInstanceStatus ?? {}).sort();
const leader = async (scene: WalkScene): Promise<string> => (await scene.cluster()).status?.leaderInstanceId ?? '';
const replicas = async (scene: WalkScene): Promise<readonly string[]> => {
  const primary = await leader(scene);
  return (await ids(scene)).filter((id) => id !== primary);
};
const instance = async (scene: WalkScene, draw: Draw): Promise<string> => draw.of(await ids(scene)) ?? UNKNOWN;
const replica = async (scene: WalkScene, draw: Draw): Promise<string> => draw.of(await replicas(scene)) ?? UNKNOWN;

type Values = Readonly<Record<string, string>>;

const annotation =
  (values: (scene: WalkScene, draw: Draw) => Promise<Values>): Change['make'] =>
  async (scene, draw) => {
    const annotations = await values(scene, draw);
    await scene.annotate(annotations);
    return `annotate ${JSON.stringify(annotations)}`;
  };

/** What is refused is part of the walk; anything but a refusal is not. */
const refusable = async (said: string, work: () => Promise<unknown>): Promise<string> => {
  try {
    await work();
    return said;
  } catch (error) {
    if (isStackError(error, 'Internal')) throw error;
    if (isStackError(error)) return `${said}: refused, ${error.code}: ${error.message}`;
    throw error;
  }
};

const spec =
  (patch: (scene: WalkScene, draw: Draw) => Promise<Readonly<Record<string, unknown>>>): Change['make'] =>
  async (scene, draw) => {
    const change = await patch(scene, draw);
    return await refusable(`spec ${JSON.stringify(change)}`, async () => await scene.patchSpec(change));
  };

const operation =
  (
    type: OperationType,
    parameters: (scene: WalkScene, draw: Draw) => Promise<Readonly<Record<string, unknown>>>,
    more: Readonly<Record<string, unknown>> = {},
  ): Change['make'] =>
  async (scene, draw) => {
    const given = await parameters(scene, draw);
    const said = `operation ${type} ${JSON.stringify(given)} ${JSON.stringify(more)}`;
    return await refusable(said, async () => await scene.make(type, given, more));
  };

const none = async (): Promise<Readonly<Record<string, unknown>>> => ({});

const steering =
  (action: string, among: (operation: MPDOperation) => boolean): Change['make'] =>
  async (scene, draw) => {
    const found = draw.of((await scene.operations()).filter((one) => !isFinal(one) && among(one)));
    if (!found) return `${action}: nothing to steer`;
    await scene.steer(found, action);
    return `${action} ${found.metadata.name} (${found.spec.type}, ${found.status?.phase}, ${found.status?.currentStep})`;
  };

/** An edit of the users' parameters, and the annotation of the original that asks for a flush. */
const flush =
  (name: string, value: (draw: Draw) => string): Change['make'] =>
  async (scene, draw) => {
    const chosen = value(draw);
    const updateTime = `${new Date().toISOString().slice(0, 19)}Z`;
    await scene.editParameters((data) => ({ ...data, [name]: JSON.stringify({ name, value: chosen, updateTime }) }));
    await scene.annotate({ flushParams: 'true' });
    return `user-params ${name}=${chosen}, flushParams`;
  };

export const changes: readonly Change[] = [
  {
    name: 'restart one',
    weight: 3,
    needs: 'RestartIns',
    make: annotation(async (s, d) => ({ restartIns: await instance(s, d) })),
  },
  {
    name: 'restart an unknown one',
    weight: 1,
    needs: 'RestartIns',
    make: annotation(async () => ({ restartIns: UNKNOWN })),
  },
  { name: 'restart all', weight: 1, needs: 'RestartCluster', make: annotation(async () => ({ restartCluster: 'T' })) },
  {
    name: 'restart all at once',
    weight: 1,
    needs: 'RestartCluster',
    make: operation('RestartCluster', async () => ({ mode: 'all' })),
  },
  {
    name: 'switch',
    weight: 4,
    needs: 'SwitchRw',
    make: annotation(async (s, d) => ({ switchRw: await replica(s, d) })),
  },
  { name: 'switch to the best', weight: 2, needs: 'SwitchRw', make: operation('SwitchRw', none) },
  {
    name: 'switch to the RW',
    weight: 1,
    needs: 'SwitchRw',
    make: annotation(async (s) => ({ switchRw: await leader(s) })),
  },
  {
    name: 'two switches and a restart at once',
    weight: 2,
    needs: 'SwitchRw',
    make: async (scene, draw) => {
      const [first, second] = [await replica(scene, draw), await instance(scene, draw)];
      await scene.annotate({ switchRw: first, restartIns: second });
      const said = await operation('SwitchRw', none)(scene, draw);
      return `annotate switchRw=${first} restartIns=${second}; ${said}`;
    },
  },
  {
    name: 'flush, reload',
    weight: 2,
    needs: 'FlushParams',
    make: flush('work_mem', (d) => String(d.number(4_096, 9_999))),
  },
  {
    name: 'flush, restart',
    weight: 2,
    needs: 'FlushParams',
    make: flush('max_connections', (d) => String(d.number(60, 99))),
  },
  { name: 'flush, out of range', weight: 1, needs: 'FlushParams', make: flush('work_mem', () => '1') },
  {
    name: 'parameters that cannot be read',
    weight: 1,
    needs: 'FlushParams',
    make: async (scene) => {
      await scene.editParameters((data) => ({ ...data, work_mem: '{"name": "work_mem", ' }));
      await scene.annotate({ flushParams: '1' });
      return 'user-params work_mem={, flushParams';
    },
  },
  {
    name: 'parameters of the spec',
    weight: 2,
    needs: 'FlushParams',
    make: spec(async (_, d) => ({ parameters: { max_worker_processes: String(d.number(16, 24)) } })),
  },
  {
    name: 'parameters of the spec, there and back',
    weight: 1,
    needs: 'FlushParams',
    make: async (scene, draw) => {
      const before = (await scene.cluster()).spec.parameters ?? null;
      const change = async (parameters: unknown) =>
        await refusable('', async () => await scene.patchSpec({ parameters }));
      await change({ max_locks_per_transaction: String(draw.number(64, 99)) });
      await change({ max_locks_per_transaction: null, ...before });
      await change({ max_locks_per_transaction: String(draw.number(64, 99)) });
      return 'spec.parameters there, back and there';
    },
  },
  { name: 'an unknown parameter', weight: 1, make: spec(async () => ({ parameters: { work_men: '4MB' } })) },
  {
    name: 'another number of ROs',
    weight: 3,
    needs: 'AddRo',
    make: spec(async (_, d) => ({ followerNum: d.number(1, 3) })),
  },
  {
    name: 'remove one',
    weight: 1,
    needs: 'RemoveRo',
    make: annotation(async (s, d) => ({ removeIns: await instance(s, d) })),
  },
  {
    name: 'migrate one',
    weight: 2,
    needs: 'MigrateRo',
    make: annotation(async (s, d) => ({ migrate: `${await instance(s, d)}|${d.of(NODES)}` })),
  },
  {
    name: 'rebuild an RO',
    weight: 1,
    needs: 'RebuildRo',
    make: operation('RebuildRo', async (s, d) => ({ instance: await replica(s, d) })),
  },
  { name: 'rebuild', weight: 1, needs: 'Rebuild', make: annotation(async () => ({ forceRebuild: 'true' })) },
  {
    name: 'another class',
    weight: 1,
    needs: 'ModifyClass',
    make: spec(async (_, d) => ({ classInfoModifyTo: { className: d.of(['local.small', 'local.medium']) ?? '' } })),
  },
  { name: 'an unknown class', weight: 1, make: spec(async () => ({ classInfoModifyTo: { className: 'local.huge' } })) },
  {
    name: 'larger or smaller volumes',
    weight: 2,
    needs: 'ExtendStorage',
    make: spec(async (_, d) => ({ localStore: { size: d.of(SIZES) ?? '' } })),
  },
  {
    name: 'extend or shrink',
    weight: 1,
    needs: 'ExtendStorage',
    make: operation('ExtendStorage', async (_, d) => ({ size: d.of(SIZES) ?? '' })),
  },
  {
    name: 'volumes of the size of the spec',
    weight: 1,
    needs: 'ExtendStorage',
    make: annotation(async () => ({ extendStorage: '1' })),
  },
  {
    name: 'a size that is none',
    weight: 1,
    needs: 'ExtendStorage',
    make: operation('ExtendStorage', async () => ({ size: 'much' })),
  },
  {
    name: 'another minor version',
    weight: 2,
    needs: 'UpgradeMinorVersion',
    make: spec(async (s, d) => ({ versionCfgModifyTo: { versionName: d.of(s.versions) ?? '' } })),
  },
  {
    name: 'upgrade or downgrade',
    weight: 1,
    needs: 'UpgradeMinorVersion',
    make: operation('UpgradeMinorVersion', async (s, d) => ({ versionName: d.of(s.versions) ?? '' })),
  },
  {
    name: 'an unknown minor version',
    weight: 1,
    make: spec(async () => ({ versionCfgModifyTo: { versionName: 'postgresql-99.1' } })),
  },
  {
    name: 'a plan only',
    weight: 1,
    needs: 'RestartCluster',
    make: operation('RestartCluster', none, { planOnly: true }),
  },
  {
    name: 'a switch to be approved',
    weight: 1,
    needs: 'SwitchRw',
    make: operation('SwitchRw', none, { approval: { required: true, approved: false } }),
  },
  {
    name: 'parameters that are none',
    weight: 1,
    needs: 'SwitchRw',
    make: operation('SwitchRw', async () => ({ instance: '1', force: true })),
  },
  { name: 'pause', weight: 2, make: steering('Pause', () => true) },
  { name: 'resume', weight: 2, make: steering('Resume', () => true) },
  { name: 'cancel', weight: 3, make: steering('Cancel', () => true) },
  { name: 'retry', weight: 1, make: steering('RetryStep', () => true) },
  { name: 'begin anew', weight: 1, make: steering('RestartFromFirst', ({ status }) => status?.phase !== 'Running') },
  {
    name: 'approve',
    weight: 1,
    make: async (scene) => await approve(scene),
  },
  {
    name: 'a pod is deleted',
    weight: 2,
    make: async (scene, draw) => {
      const pods = Object.values((await scene.cluster()).status?.dbInstanceStatus ?? {}).map(
        ({ podName = '' }) => podName,
      );
      const pod = draw.of(pods.sort((a, b) => (a < b ? -1 : 1))) ?? '';
      return await refusable(`delete pod ${pod}`, async () => {
        await scene.client.delete(Pods, { namespace, name: pod });
      });
    },
  },
  {
    name: 'the plug of a node is pulled',
    weight: 1,
    make: async (scene, draw) => {
      const node = draw.of(NODES) ?? '';
      await scene.home.polarstackOk(['node', 'stop', node, '--no-wait']);
      return `node stop ${node}`;
    },
  },
  {
    name: 'every node has power again',
    weight: 2,
    make: async (scene) => {
      await powerOn(scene);
      return 'node start';
    },
  },
  {
    name: 'kill the control process',
    weight: 6,
    make: async (scene) => {
      scene.killControl();
      await scene.up();
      return 'kill -9 of the control process, up';
    },
  },
  {
    name: 'kill the cluster manager',
    weight: 4,
    make: async (scene) => {
      scene.killManager();
      return 'kill -9 of the cluster manager';
    },
  },
];

/** Approves whatever waits for it. */
export async function approve(scene: WalkScene): Promise<string> {
  const waiting = (await scene.operations()).filter(
    (one) => !isFinal(one) && one.spec.approval?.required === true && !one.spec.approval.approved,
  );
  for (const { metadata } of waiting) {
    const body = { spec: { approval: { approved: true, approver: 'walk' } } };
    const key = { namespace, name: metadata.name ?? '' };
    await scene.api('an approval', async () => await scene.client.patch(operations, key, { type: 'merge', body }));
  }
  return `approve ${waiting.map(({ metadata }) => metadata.name).join(' ') || 'nothing'}`;
}

/** Starts every node that is off. */
export async function powerOn(scene: WalkScene): Promise<void> {
  for (const node of NODES) await scene.home.polarstackOk(['node', 'start', node, '--no-wait']);
}
