/** An operation is cancelled in the middle, and the operator dies at any effect of taking it back. */
import {
  HA_RECORD_KEY,
  MPDClusters,
  type MPDOperation,
  MPDOperations,
  names,
  type OperationType,
} from '@polarstack/api';
import { StackError, waitFor } from '@polarstack/base';
import { conditionOf, isFinal } from '@polarstack/domain';
import { parseRecord } from '@polarstack/ha';
import { ConfigMaps } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { alternateDeaths, forEachDeath, type Scene, survive } from '../testing/survive.ts';
import { whole } from '../testing/whole.ts';

interface Cut {
  readonly type: OperationType;
  readonly parameters: object;
  /** Words for the moment. */
  readonly at: string;
  /** The write of the operator, `verb plural/name`, or the call of an agent that fails for good; absent: a request for a switch stands. */
  readonly write?: RegExp;
  readonly call?: string;
}

const move = { instance: '1004', node: 'node-3' };
const cuts: readonly Cut[] = [
  { type: 'SwitchRw', parameters: { instance: '1004' }, at: 'nobody has taken up the switch' },
  { type: 'RestartCluster', parameters: {}, at: 'its ROs are restarted, nobody has taken up the switch' },
  { type: 'AddRo', parameters: { count: 2 }, at: 'ids are recorded', write: /^create persistentvolumeclaims\// },
  { type: 'AddRo', parameters: { count: 2 }, at: 'one has its data', call: 'bootstrap demo-1009-1010' },
  {
    type: 'RemoveRo',
    parameters: { instance: '1004' },
    at: 'its pod is gone',
    write: /^delete persistentvolumeclaims\//,
  },
  { type: 'MigrateRo', parameters: move, at: 'the new one gets its data', call: 'bootstrap demo-1003-1007' },
  { type: 'MigrateRo', parameters: move, at: 'the old one is half gone', write: /^delete persistentvolumeclaims\// },
  {
    type: 'MigrateRw',
    parameters: { ...move, instance: '1002' },
    at: 'the old RW is half gone',
    write: /^delete pods\//,
  },
  { type: 'RebuildRo', parameters: { instance: '1004' }, at: 'the old one is half gone', write: /^delete secrets\// },
  {
    type: 'ModifyClass',
    parameters: { className: 'local.medium' },
    at: 'one RO has it',
    write: /^create pods\/demo-1005/,
  },
];

const key = (name: string) => ({ namespace: 'default', name });
const recordOf = ({ kube }: Scene) => {
  const map = kube.all(ConfigMaps).find(({ metadata }) => metadata?.name === names.haRecord('demo'));
  return parseRecord(map?.data?.[HA_RECORD_KEY] ?? '');
};
const until = async <T>(s: Scene, what: string, check: () => T | undefined): Promise<T> =>
  await waitFor(what, async () => check(), { signal: s.signal, timeoutMs: 120_000, intervalMs: 5 });
const find = (s: Scene): MPDOperation | undefined => s.operations().find(({ metadata }) => metadata.name === 'cut');

/** Up to the moment of the cut; then the operator ends. */
async function prepare(s: Scene, { type, parameters, write, call }: Cut): Promise<void> {
  const { operator } = await s.start();
  await s.create('demo');
  await s.until('demo', 'Ready', 'True');
  const error = new StackError('AgentForbidden', 'no further');
  if (call !== undefined) s.world.failures.set(call, error);
  if (write) {
    s.kube.beforeWrite = (verb, plural, name) => {
      if (write.test(`${verb} ${plural}/${name}`)) throw error;
    };
  }
  await s.kube.create(MPDOperations, {
    apiVersion: 'mpd.polardb.aliyun.com/v1',
    kind: 'MPDOperation',
    metadata: key('cut'),
    spec: { cluster: 'demo', type, parameters, planOnly: false },
  } as MPDOperation);
  await until(s, 'the moment', () => {
    const { phase, error: stopped } = find(s)?.status ?? {};
    if (write === undefined && call === undefined) return recordOf(s).request;
    if (phase === 'Interrupted' && stopped?.code === 'AgentForbidden') return true;
    if (phase === 'Succeeded' || phase === 'Failed') throw new Error(JSON.stringify(find(s)?.status));
    return undefined;
  });
  s.kube.beforeWrite = undefined;
  await operator.close();
}

test.each(cuts.map((cut) => [cut.type, cut.at, cut] as const))(
  '%s, %s: cancelled under an operator that dies before or after any effect of it: all is as the record says, and no request is left',
  async (_type, _at, cut) => {
    const cancel = async (s: Scene): Promise<void> => {
      const body = { spec: { steering: { action: 'Cancel', requestId: 'cut' } } };
      await s.kube.patch(MPDOperations, key('cut'), { type: 'merge', body });
    };
    const end = async (s: Scene): Promise<void> => {
      await until(s, 'the cancel', () => (find(s)?.status?.phase === 'Cancelled' ? true : undefined));
      // Where the spec asks for more than is left, an operation of its own brings it back.
      await until(s, 'the cluster to be as its spec says', () => {
        const { status } = s.kube.all(MPDClusters)[0] ?? {};
        if (!s.operations().every(isFinal) || conditionOf(status?.conditions, 'Ready')?.status !== 'True')
          return undefined;
        whole(s, 3);
        return true;
      });
      const { request, switch: running } = recordOf(s);
      expect([request, running]).toEqual([undefined, undefined]);
      for (const { state, pod } of s.world.instances.values()) {
        if (s.kube.writes.includes(`delete pods/${pod}`)) continue;
        expect(state, pod).toBe('running');
      }
    };
    const manager = cut.write !== undefined || cut.call !== undefined;
    const take = async (death: Parameters<typeof survive>[0]) =>
      await survive(death, async (s) => await prepare(s, cut), cancel, end, { manager });
    const { effects } = await take(undefined);
    expect(effects).toBeGreaterThan(1);
    await forEachDeath(alternateDeaths(effects), take);
  },
  300_000,
);
