import { CLUSTER_FINALIZER, type MPDCluster, type MPDOperation } from '@polarstack/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { operationName } from './operation-names.ts';
import { currentOperation, isFinal, planOperation } from './plan-operation.ts';

type Phase = NonNullable<NonNullable<MPDOperation['status']>['phase']>;
const phases = ['Pending', 'Running', 'Waiting', 'Interrupted', 'Succeeded', 'Failed', 'Cancelled'] as const;

interface State {
  readonly created?: boolean;
  readonly deleting?: boolean;
  readonly finalizer?: boolean;
  readonly protection?: boolean;
}

function cluster({ created = false, deleting = false, finalizer = true, protection = false }: State): MPDCluster {
  const instance = { insId: '1002', physicalInsId: '1001', insType: 'rw', installed: created } as const;
  return {
    apiVersion: 'mpd.polardb.aliyun.com/v1',
    kind: 'MPDCluster',
    metadata: {
      name: 'demo',
      namespace: 'default',
      uid: '12345678-9',
      ...(finalizer && { finalizers: [CLUSTER_FINALIZER] }),
      ...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: { deletionProtection: protection } as MPDCluster['spec'],
    status: { logicId: '1000', dbInstanceStatus: { 1002: instance } },
  };
}

const operation = (type: string, phase?: Phase, age = 0): MPDOperation => ({
  apiVersion: 'mpd.polardb.aliyun.com/v1',
  kind: 'MPDOperation',
  metadata: { name: `demo-${type.toLowerCase()}`, creationTimestamp: `2026-01-01T00:00:0${age}Z` },
  spec: { cluster: 'demo', type, planOnly: false },
  ...(phase && { status: { phase } }),
});

const plan = (state: State, operations: readonly MPDOperation[] = [], accepted = true) =>
  planOperation({ cluster: cluster(state), accepted, operations });

test('a new cluster gets one create operation, whose name is always the same', () => {
  const first = plan({});
  expect(first).toMatchObject({ type: 'begin', operation: { spec: { type: 'Create', cluster: 'demo' } } });
  expect(first).toEqual(plan({}));
  expect(operationName({ name: 'demo', uid: '12345678-9' }, 'Create')).toBe('demo-create-12345678');
  expect(plan({}, [operation('Create', 'Running')])).toMatchObject({ type: 'none', current: {} });
  expect(plan({ created: true }, [operation('Create', 'Succeeded')])).toEqual({ type: 'none' });
  expect(plan({}, [operation('Create', 'Cancelled')])).toEqual({ type: 'none' });
  // Somebody removed the record of a finished creation: the cluster is made all the same.
  expect(plan({ created: true })).toEqual({ type: 'none' });
});

test('PL2: a rejected spec begins nothing', () => {
  expect(plan({}, [], false)).toEqual({ type: 'none' });
});

test('a deletion: cancel what runs, delete, release', () => {
  const deleting = { deleting: true };
  expect(plan(deleting, [operation('Create', 'Running')])).toMatchObject({ type: 'cancel' });
  const cancelled = operation('Create', 'Cancelled');
  expect(plan(deleting, [cancelled])).toMatchObject({ type: 'begin', operation: { spec: { type: 'Delete' } } });
  expect(plan(deleting, [cancelled, operation('Delete', 'Running')])).toMatchObject({ type: 'none' });
  expect(plan(deleting, [cancelled, operation('Delete', 'Succeeded')])).toEqual({ type: 'release' });
  expect(plan({ deleting: true, finalizer: false })).toEqual({ type: 'none' });
});

test('a protected cluster lives on as if nobody had deleted it', () => {
  const state = { deleting: true, protection: true };
  expect(plan({ ...state, created: true })).toEqual({ type: 'refuse-deletion' });
  expect(plan(state)).toMatchObject({ type: 'begin', operation: { spec: { type: 'Create' } } });
  expect(plan(state, [operation('Create', 'Running')])).toMatchObject({ type: 'refuse-deletion', current: {} });
  // Once begun a deletion goes on.
  expect(plan({ ...state, created: true }, [operation('Delete', 'Running')])).toMatchObject({ type: 'none' });
});

test('the oldest unfinished operation holds the cluster', () => {
  const operations = [operation('B', 'Running', 2), operation('A', undefined, 1), operation('C', 'Succeeded', 0)];
  expect(currentOperation(operations)?.spec.type).toBe('A');
  expect(currentOperation([operation('C', 'Failed')])).toBeUndefined();
});

test('PL1, PL3, PL4: in every state', () => {
  const some = fc.record({
    type: fc.constantFrom('Create', 'Delete'),
    phase: fc.option(fc.constantFrom(...phases), { nil: undefined }),
  });
  const state = fc.record({
    created: fc.boolean(),
    deleting: fc.boolean(),
    finalizer: fc.boolean(),
    protection: fc.boolean(),
  });
  fc.assert(
    fc.property(state, fc.array(some, { maxLength: 3 }), fc.boolean(), (at, made, accepted) => {
      const operations = made.map(({ type, phase }, age) => operation(type, phase, age));
      const answer = plan(at, operations, accepted);
      const unfinished = operations.filter((each) => !isFinal(each));
      if (answer.type === 'begin') {
        expect(
          unfinished.filter(({ spec }) => spec.type !== answer.operation.spec.type),
          'PL1',
        ).toEqual([]);
        if (answer.operation.spec.type === 'Delete') {
          expect(at.deleting && !at.protection, 'PL3').toBe(true);
        } else {
          expect(accepted, 'PL2').toBe(true);
        }
      }
      if (answer.type === 'release') {
        expect(
          operations.some(({ spec, status }) => spec.type === 'Delete' && status?.phase === 'Succeeded'),
          'PL4',
        ).toBe(true);
      }
    }),
  );
});
