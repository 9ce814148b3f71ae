import type { MPDCluster } from '@polarstack/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { takeIds } from './ids.ts';
import { idsNeeded, membershipFromIds, newInstanceEntries, recordedMembership } from './members.ts';
import { inRanges, parsePortRanges, takeExternalPort, usedPorts } from './ports.ts';
import { classInfoOf, instanceResources } from './resources.ts';

const ports = { enginePort: 5432, agentPort: 7443, host: false };

test('ID1: ids are consecutive, never given twice, and every other entry of the counters stays', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), (wishes) => {
      let counters: Readonly<Record<string, string>> = { KubesprayPlaceholder: 'x' };
      const taken: number[] = [];
      for (const count of wishes) {
        const { first, counters: next } = takeIds(counters, count);
        counters = next;
        taken.push(...Array.from({ length: count }, (_, i) => first + i));
      }
      expect(new Set(taken).size).toBe(taken.length);
      expect(Math.min(...taken)).toBe(1000);
      expect(counters.KubesprayPlaceholder).toBe('x');
    }),
  );
  expect(() => takeIds({ NextClusterScopeCustInsId: 'many' }, 1)).toThrow('not a positive number');
});

test('members: the cluster first, then place and incarnation of the RW and of each RO', () => {
  const { logicId, members } = membershipFromIds('demo', 2, 1000);
  expect(idsNeeded(2)).toBe(7);
  expect(logicId).toBe('1000');
  expect(members).toEqual([
    { physicalId: '1001', instanceId: '1002', pod: 'demo-1001-1002', role: 'primary' },
    { physicalId: '1003', instanceId: '1004', pod: 'demo-1003-1004', role: 'replica' },
    { physicalId: '1005', instanceId: '1006', pod: 'demo-1005-1006', role: 'replica' },
  ]);
});

test('what the status records is what was dealt, in whatever order it is kept', () => {
  fc.assert(
    fc.property(fc.nat(15), fc.integer({ min: 1, max: 100_000 }), (followers, first) => {
      const membership = membershipFromIds('demo', followers, first);
      const entries = Object.entries(newInstanceEntries(membership, 'default', ports)).reverse();
      const status = { logicId: membership.logicId, dbInstanceStatus: Object.fromEntries(entries) };
      expect(recordedMembership({ status })).toEqual(membership);
    }),
  );
  expect(recordedMembership({})).toBeUndefined();
  expect(recordedMembership({ status: { logicId: '1000' } })).toBeUndefined();
});

test('ranges of ports: single, from-to, from+count, several', () => {
  expect(parsePortRanges('5400-5800')).toEqual([{ from: 5400, to: 5800 }]);
  expect(parsePortRanges('5432, 6000+2')).toEqual([
    { from: 5432, to: 5432 },
    { from: 6000, to: 6002 },
  ]);
  expect(parsePortRanges('')).toEqual([]);
  for (const wrong of ['x', '5-4', '0', '70000', '1-99999', '5+']) expect(() => parsePortRanges(wrong)).toThrow();
});

test('external ports: the next free one, once around, never one that is used or reserved', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 100, max: 120 }), { maxLength: 40 }),
      fc.integer({ min: 90, max: 130 }),
      (busy, last) => {
        const external = parsePortRanges('100-110,115-120');
        const reserved = parsePortRanges('105+1');
        const used = new Set(busy);
        const free = [...Array(131).keys()].filter(
          (port) => inRanges(external, port) && !inRanges(reserved, port) && !used.has(port),
        );
        const take = () => takeExternalPort({ 'Pbx.Next.External.Port': String(last) }, { external, reserved }, used);
        if (free.length === 0) {
          expect(take).toThrow('every port');
          return;
        }
        const { port, counters } = take();
        expect(free).toContain(port);
        // The next after the last one handed out, or else the first of all.
        expect(port).toBe(free.find((candidate) => candidate > last) ?? free[0]);
        expect(counters['Pbx.Next.External.Port']).toBe(String(port));
      },
    ),
  );
});

test('used ports are the keys of all nodes', () => {
  expect(usedPorts([{ data: { 22: '', 5432: '' } }, {}, { data: { 80: '' } }])).toEqual(new Set([22, 80, 5432]));
});

test('resources come from the class, else from what the status recorded', () => {
  const sizes = { cpu: { limit: 1, request: 0.1 }, memory: { limit: 512, request: 128 }, storage: 10_240 };
  const cluster = {
    spec: { localStore: {} },
    status: { insClassInfo: classInfoOf('local.small', sizes) },
  } as unknown as MPDCluster;
  expect(instanceResources(cluster, sizes)).toEqual({
    limits: { cpu: '1', memory: '512Mi' },
    requests: { cpu: '100m', memory: '128Mi' },
    volume: { size: '10240Mi' },
  });
  expect(instanceResources(cluster, undefined)).toEqual({
    limits: { cpu: '1', memory: '512Mi' },
    requests: {},
    volume: { size: '10Gi' },
  });
  const own = { ...cluster, spec: { localStore: { size: '3Gi', storageClassName: 'fast' } } } as unknown as MPDCluster;
  expect(instanceResources(own, sizes).volume).toEqual({ size: '3Gi', className: 'fast' });
});
