import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../json.ts';
import { duration } from './age.ts';
import { builtinColumns } from './builtin-columns.ts';
import { customColumns } from './custom-columns.ts';
import { compileJsonPath } from './json-path.ts';
import { podStatus } from './pod-columns.ts';

const now = new Date('2026-01-01T01:00:00Z');
const cells = (kind: string, object: JsonObject): readonly unknown[] =>
  builtinColumns(kind)
    .filter((column) => (column.priority ?? 0) === 0)
    .map((column) => column.cell(object, now));
const metadata = { name: 'x', creationTimestamp: '2026-01-01T00:00:00Z' };

describe('ages', () => {
  it('are short', () => {
    const second = 1000;
    const minute = 60 * second;
    const hour = 60 * minute;
    const day = 24 * hour;
    for (const [ms, text] of [
      [0, '0s'],
      [90 * second, '90s'],
      [150 * second, '2m30s'],
      [5 * minute, '5m'],
      [100 * minute, '100m'],
      [4 * hour + 5 * minute, '4h5m'],
      [20 * hour, '20h'],
      [3 * day + 2 * hour, '3d2h'],
      [100 * day, '100d'],
      [800 * day, '2y70d'],
      [-5000, '<invalid>'],
    ] as const) {
      expect(duration(ms)).toBe(text);
    }
  });
});

describe('paths of columns', () => {
  const object = {
    a: { 'b.c': [1, { d: 'e' }] },
    list: [
      { type: 'x', s: 1 },
      { type: 'Ready', s: 2 },
    ],
  };

  it('lead to fields, items, all items and items that fit', () => {
    expect(compileJsonPath('.a["b.c"][0]')(object)).toEqual([1]);
    expect(compileJsonPath('.a.b\\.c[-1].d')(object)).toEqual(['e']);
    expect(compileJsonPath('.list[*].s')(object)).toEqual([1, 2]);
    expect(compileJsonPath('.list[?(@.type=="Ready")].s')(object)).toEqual([2]);
    expect(compileJsonPath('{.a.none.deeper}')(object)).toEqual([]);
    expect(() => compileJsonPath('.a[?(')).toThrow('is not a path');
  });
});

describe('columns', () => {
  it('of custom resources show what the definition asks for', () => {
    const columns = customColumns([
      { name: 'N', type: 'integer', jsonPath: '.n' },
      { name: 'D', type: 'date', jsonPath: '.at' },
      { name: 'O', type: 'string', jsonPath: '.o', priority: 1 },
      { name: 'B', type: 'boolean', jsonPath: '.b' },
    ]);
    const object = { metadata, n: 3, at: '2026-01-01T00:59:00Z', o: { k: 1 } };
    expect(columns.map((column) => column.cell(object, now))).toEqual(['x', 3, '60s', '{"k":1}', null]);
    expect(customColumns([]).map((column) => column.name)).toEqual(['Name', 'Age']);
  });

  it('of built-in kinds are those that people know', () => {
    expect(
      cells('Node', {
        metadata: { ...metadata, labels: { 'node-role.kubernetes.io/worker': '' } },
        spec: { unschedulable: true },
        status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: { kubeletVersion: 'v1' } },
      }),
    ).toEqual(['x', 'Ready,SchedulingDisabled', 'worker', '60m', 'v1']);
    expect(
      cells('Service', {
        metadata,
        spec: {
          type: 'ClusterIP',
          clusterIP: '1.2.3.4',
          ports: [
            { port: 1, protocol: 'TCP' },
            { port: 2, protocol: 'UDP' },
          ],
        },
      }),
    ).toEqual(['x', 'ClusterIP', '1.2.3.4', '<none>', '1/TCP,2/UDP', '60m']);
    expect(
      cells('PersistentVolumeClaim', {
        metadata,
        spec: { volumeName: 'v', storageClassName: 'sc' },
        status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] },
      }),
    ).toEqual(['x', 'Bound', 'v', '1Gi', 'RWO', 'sc', '<unset>', '60m']);
    expect(
      cells('Event', {
        metadata,
        type: 'Normal',
        reason: 'R',
        message: ' m\n',
        lastTimestamp: '2026-01-01T00:59:30Z',
        involvedObject: { kind: 'Pod', name: 'p' },
      }),
    ).toEqual(['x', '30s', 'Normal', 'R', 'pod/p', 'm'].slice(1));
    expect(
      cells('EndpointSlice', {
        metadata,
        addressType: 'IPv4',
        ports: [{ port: 80 }],
        endpoints: [1, 2, 3, 4].map((i) => ({ addresses: [`1.1.1.${i}`] })),
      }),
    ).toEqual(['x', 'IPv4', '80', '1.1.1.1,1.1.1.2,1.1.1.3 + 1 more...', '60m']);
    expect(cells('Secret', { metadata, type: 'Opaque', data: { a: 'b' } })).toEqual(['x', 'Opaque', 1, '60m']);
  });
});

describe('the status of a pod', () => {
  const status = (state: object, rest: object = {}): string =>
    podStatus({
      metadata: {},
      spec: { containers: [{ name: 'c' }], initContainers: [{ name: 'i' }] },
      status: { phase: 'Running', containerStatuses: [{ name: 'c', state, ...rest }] },
    });

  it('is the most telling word', () => {
    expect(podStatus({ metadata: {}, status: { phase: 'Pending' } })).toBe('Pending');
    expect(status({ running: {} }, { ready: true })).toBe('Running');
    expect(status({ waiting: { reason: 'CrashLoopBackOff' } })).toBe('CrashLoopBackOff');
    expect(status({ waiting: { reason: 'ErrImageNeverPull' } })).toBe('ErrImageNeverPull');
    expect(status({ terminated: { reason: 'Completed', exitCode: 0 } })).toBe('Completed');
    expect(status({ terminated: { exitCode: 3 } })).toBe('ExitCode:3');
    expect(status({ terminated: { signal: 9 } })).toBe('Signal:9');
    expect(podStatus({ metadata: { deletionTimestamp: 'x' }, status: { phase: 'Running' } })).toBe('Terminating');
    const initialising = (state: object): string =>
      podStatus({
        metadata: {},
        spec: { initContainers: [{}, {}] },
        status: { phase: 'Pending', initContainerStatuses: [{ state: { terminated: { exitCode: 0 } } }, { state }] },
      });
    expect(initialising({ running: {} })).toBe('Init:1/2');
    expect(initialising({ terminated: { exitCode: 1 } })).toBe('Init:ExitCode:1');
    expect(initialising({ waiting: { reason: 'CrashLoopBackOff' } })).toBe('Init:CrashLoopBackOff');
  });
});
