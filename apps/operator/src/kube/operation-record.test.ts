import { buildCrds, type MPDOperation, MPDOperations } from '@polarstack/api';
import { StackError, silentLogger } from '@polarstack/base';
import {
  defineWorkflow,
  done,
  newRecord,
  type Outcome,
  resume,
  runWorkflow,
  type WorkflowRecord,
} from '@polarstack/workflow';
import { expect, test } from 'vitest';
import { createFakeKube } from '../testing/fake-kube.ts';
import { toRecord, toStatus } from './operation-record.ts';
import { createOperationStore } from './operation-store.ts';

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}
const crd = buildCrds().find(({ spec }) => spec.names.kind === 'MPDOperation');
const schema = (crd?.spec.versions[0]?.schema.openAPIV3Schema as Schema | undefined)?.properties?.status;

/** Paths of the value that an API server would prune or refuse. */
function strange(value: unknown, known: Schema | undefined, path: string): readonly string[] {
  if (!known) return [path];
  if (known['x-kubernetes-preserve-unknown-fields']) return [];
  if (known.enum && !known.enum.includes(value)) return [`${path}=${String(value)}`];
  if (Array.isArray(value)) return value.flatMap((item, i) => strange(item, known.items, `${path}[${i}]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => strange(inner, known.properties?.[key], `${path}.${key}`));
}

const timeouts = { timeoutMs: 60_000, retry: { limit: 2, baseMs: 1, maxMs: 1 } };
let broken = true;
let undoBroken = true;
let waits = 2;
const workflow = defineWorkflow<undefined>({
  name: 'w',
  onError: {
    ClusterNotReady: {
      type: 'repair',
      limit: 2,
      repair: {
        ...timeouts,
        name: 'mend',
        run: async () => {
          broken = false;
          return undefined;
        },
      },
    },
  },
  steps: [
    {
      ...timeouts,
      name: 'a',
      run: async () => done({ x: 1 }, 'made'),
      undo: async () => {
        if (undoBroken) throw new StackError('InvalidConfig', 'not yet');
        return undefined;
      },
    },
    {
      ...timeouts,
      name: 'b',
      run: async ({ progress }) => {
        progress('half');
        if (broken) throw new StackError('ClusterNotReady', 'broken');
        return undefined;
      },
      undo: async () => undefined,
    },
    {
      ...timeouts,
      name: 'c',
      run: async () => {
        if (waits-- > 0) return { type: 'wait', reason: 'for rain', deadlineMs: 60_000 };
        throw new StackError('InvalidConfig', 'never');
      },
    },
  ],
});

test('everything that the engine stores comes back from the status, which the schema knows', async () => {
  const kube = createFakeKube();
  const never = new AbortController().signal;
  await kube.create(MPDOperations, {
    apiVersion: 'mpd.polardb.aliyun.com/v1',
    kind: 'MPDOperation',
    metadata: { name: 'op', namespace: 'default' },
    spec: { cluster: 'demo', type: 'RestartIns', planOnly: false, retry: { limit: 1, baseMs: 10, maxMs: 10 } },
  });
  const plan = [{ name: 'First', use: 'a', input: { id: 7 } }, { name: 'b' }, { name: 'c' }];
  const inner = createOperationStore(kube, () => ({ workflow, input: { cluster: 'demo' }, plan }));
  const phases = new Set<string>();
  const store: typeof inner = {
    load: async (...args) => await inner.load(...args),
    save: async (id, record, version, signal) => {
      const saved = await inner.save(id, record, version, signal);
      expect(saved.record).toEqual(record);
      const operation = await kube.get(MPDOperations, { namespace: 'default', name: 'op' });
      expect(strange(operation.status, schema, 'status')).toEqual([]);
      phases.add(`${record.phase}${record.undoing ? ' undoing' : ''}`);
      for (const { state } of record.steps) phases.add(state);
      return saved;
    },
  };
  const run = async (more: object = {}): Promise<Outcome> =>
    await runWorkflow({
      workflows: new Map([['w', workflow]]),
      id: 'default/op',
      store,
      services: undefined,
      logger: silentLogger,
      signal: never,
      writer: 'me',
      ...more,
    });
  const steer = async (change: (record: WorkflowRecord) => WorkflowRecord): Promise<void> => {
    const operation: MPDOperation = await kube.get(MPDOperations, { namespace: 'default', name: 'op' });
    const record = toRecord(operation);
    if (!record) throw new Error('no record');
    await kube.replaceStatus(MPDOperations, { ...operation, status: toStatus(change(record), operation.status) });
  };
  const now = new Date().toISOString();
  expect(await run()).toMatchObject({ type: 'waiting' });
  expect(await run({ pause: AbortSignal.abort() })).toMatchObject({ type: 'paused' });
  await steer((record) => resume(record, 'failed', now));
  expect(await run()).toMatchObject({ type: 'waiting' });
  expect(await run()).toMatchObject({ type: 'interrupted', record: { retry: { limit: 2 } } });
  await steer((record) => resume(record, 'skip', now));
  await steer((record) => ({ ...record, phase: 'Interrupted' }));
  const cancel = AbortSignal.abort(new StackError('Cancelled', 'enough'));
  expect(await run({ cancel })).toMatchObject({ type: 'interrupted', record: { undoing: true } });
  undoBroken = false;
  await steer((record) => resume(record, 'failed', now));
  expect(await run()).toMatchObject({ type: 'finished', record: { phase: 'Cancelled' } });
  expect([...phases]).toEqual(
    expect.arrayContaining(['Paused', 'Waiting', 'Interrupted', 'Running undoing', 'Interrupted undoing', 'Undone']),
  );
  // A run that has not begun has no record of its own.
  expect(toStatus(newRecord(workflow)).phase).toBe('Pending');
});
