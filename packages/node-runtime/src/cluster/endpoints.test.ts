import fc from 'fast-check';
import type { Pod, Service } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { wantedSlices } from './endpoints.ts';

const service = (spec: Service['spec'] = {}): Service => ({
  metadata: { name: 'db-rw', namespace: 'default', uid: 'u' },
  spec: { selector: { app: 'db' }, ports: [{ name: 'postgres', port: 5432, targetPort: 'postgres' }], ...spec },
});

interface Fields {
  readonly ready?: boolean;
  readonly deleting?: boolean;
  readonly phase?: string;
  readonly port?: number;
  readonly labels?: Record<string, string>;
}

const pod = (
  ip: string | undefined,
  { ready = true, deleting = false, phase = 'Running', port = 5432, labels }: Fields = {},
): Pod => ({
  metadata: {
    name: `pod-${ip}`,
    namespace: 'default',
    uid: `uid-${ip}`,
    labels: labels ?? { app: 'db' },
    ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
  spec: { nodeName: 'node-1', containers: [{ name: 'c', ports: [{ name: 'postgres', containerPort: port }] }] },
  status: {
    phase,
    ...(ip ? { podIP: ip } : {}),
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
  },
});

const endpoints = (spec: Service['spec'], ...pods: Pod[]) =>
  (wantedSlices(service(spec), pods) ?? []).flatMap((slice) =>
    slice.endpoints.map(({ addresses, conditions }) => [addresses[0], conditions?.ready, conditions?.serving] as const),
  );

describe('wantedSlices', () => {
  it('E1: readiness, deletion and publishNotReadyAddresses', () => {
    const pods = [pod('10.0.0.1'), pod('10.0.0.2', { ready: false }), pod('10.0.0.3', { deleting: true })];
    expect(endpoints({}, ...pods)).toEqual([
      ['10.0.0.1', true, true],
      ['10.0.0.2', false, false],
      ['10.0.0.3', false, true],
    ]);
    expect(endpoints({ publishNotReadyAddresses: true }, ...pods).every(([, ready]) => ready)).toBe(true);
  });

  it('E2: pods that ended or have no address, or do not match, are none', () => {
    const pods = [pod(undefined), pod('10.0.0.2', { phase: 'Failed' }), pod('10.0.0.3', { labels: { app: 'x' } })];
    expect(endpoints({}, ...pods)).toEqual([]);
    expect(wantedSlices(service(), pods)).toHaveLength(1);
  });

  it('resolves named ports for each pod; different ports are different slices', () => {
    const slices = wantedSlices(service(), [pod('10.0.0.1'), pod('10.0.0.2', { port: 5500 })]) ?? [];
    expect(new Set(slices.map((slice) => slice.ports?.[0]?.port))).toEqual(new Set([5432, 5500]));
    const numbered = wantedSlices(service({ ports: [{ port: 80 }] }), [pod('10.0.0.1')]) ?? [];
    expect(numbered[0]?.ports).toEqual([{ name: '', protocol: 'TCP', port: 80 }]);
  });

  it('leaves Services without a selector alone', () => {
    const { selector: _, ...rest } = service().spec ?? {};
    expect(wantedSlices({ ...service(), spec: rest }, [])).toBeUndefined();
  });

  it('E3: the order of the pods does not matter', () => {
    const some = fc.array(fc.record({ ready: fc.boolean(), deleting: fc.boolean(), port: fc.constantFrom(1, 2) }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(some, (list) => {
        const pods = list.map((fields, i) => pod(`10.0.0.${i + 1}`, fields));
        expect(wantedSlices(service(), [...pods].reverse())).toEqual(wantedSlices(service(), pods));
      }),
    );
  });
});
