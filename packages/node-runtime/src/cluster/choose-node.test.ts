import fc from 'fast-check';
import type { Affinity, Node, Pod } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { chooseNode, hostPorts, meetsTerms, type Placement } from './choose-node.ts';
import { POWER_ANNOTATION } from './node-power.ts';

const HOST = 'kubernetes.io/hostname';

const node = (
  name: string,
  fields: { off?: boolean; cordoned?: boolean; ready?: boolean; labels?: Record<string, string> } = {},
): Node => ({
  metadata: {
    name,
    labels: { [HOST]: name, ...fields.labels },
    ...(fields.off ? { annotations: { [POWER_ANNOTATION]: 'off' } } : {}),
  },
  spec: { unschedulable: fields.cordoned ?? false },
  status: { conditions: [{ type: 'Ready', status: fields.ready === false ? 'Unknown' : 'True' }] },
});
const three = [node('node-1'), node('node-2'), node('node-3')];

const apart = (app: string): Affinity => ({
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app } }, topologyKey: HOST }],
  },
});
const pod = (app: string, fields: Partial<Pod['spec']> = {}, on?: string): Pod => ({
  metadata: { name: app, namespace: 'default', labels: { app } },
  spec: { containers: [], ...(on ? { nodeName: on } : {}), ...fields },
});
const place = (fields: Partial<Placement> & { pod: Pod }) =>
  chooseNode({ nodes: three, bound: [], pins: [], ...fields });

describe('chooseNode', () => {
  it('takes the least loaded node, then the first', () => {
    expect(place({ pod: pod('a') })).toEqual({ node: 'node-1' });
    expect(place({ pod: pod('a'), bound: [pod('x', {}, 'node-1'), pod('x', {}, 'node-2')] })).toEqual({
      node: 'node-3',
    });
  });

  it('S1: gives nothing to a node that is off, lost or cordoned, and says so', () => {
    const nodes = [node('node-1', { off: true }), node('node-2', { ready: false }), node('node-3', { cordoned: true })];
    expect(place({ pod: pod('a'), nodes })).toMatchObject({
      node: undefined,
      message:
        '0/3 nodes are available: 1 node(s) were not ready, 1 node(s) were switched off, 1 node(s) were unschedulable.',
    });
  });

  it('S2: follows the volume', () => {
    const pins = [[{ matchExpressions: [{ key: HOST, operator: 'In', values: ['node-2'] }] }]];
    expect(place({ pod: pod('a'), pins })).toEqual({ node: 'node-2' });
    const nodes = three.map((each) => (each.metadata?.name === 'node-2' ? node('node-2', { off: true }) : each));
    expect(place({ pod: pod('a'), pins, nodes }).node).toBeUndefined();
  });

  it('S3: anti-affinity holds in both directions', () => {
    const bound = [pod('a', {}, 'node-1'), pod('b', { affinity: apart('c') }, 'node-2')];
    expect(place({ pod: pod('a', { affinity: apart('a') }), bound })).toEqual({ node: 'node-3' });
    expect(place({ pod: pod('c'), bound: [...bound, pod('x', {}, 'node-3'), pod('x', {}, 'node-3')] })).toEqual({
      node: 'node-1',
    });
  });

  it('S4: no two pods claim the same host port', () => {
    const host = (on?: string) =>
      pod('h', { hostNetwork: true, containers: [{ name: 'c', ports: [{ containerPort: 5432 }] }] }, on);
    expect(hostPorts(host())).toEqual([5432]);
    expect(place({ pod: host(), bound: [host('node-1'), host('node-2')] })).toEqual({ node: 'node-3' });
    expect(place({ pod: host(), bound: ['node-1', 'node-2', 'node-3'].map(host) })).toMatchObject({
      message: "0/3 nodes are available: 3 node(s) didn't have free ports for the requested pod ports.",
    });
  });

  it('understands selectors and operators', () => {
    const nodes = [node('n1', { labels: { disk: 'ssd' } }), node('n2')];
    const terms = (operator: string, values?: string[]) => [
      { matchExpressions: [{ key: 'disk', operator, ...(values ? { values } : {}) }] },
    ];
    const fits = (operator: string, values?: string[]) =>
      nodes.filter((each) => meetsTerms(each, terms(operator, values))).map((each) => each.metadata?.name);
    expect(fits('In', ['ssd'])).toEqual(['n1']);
    expect(fits('NotIn', ['ssd'])).toEqual(['n2']);
    expect(fits('Exists')).toEqual(['n1']);
    expect(fits('DoesNotExist')).toEqual(['n2']);
    expect(meetsTerms(nodes[0] as Node, [{}])).toBe(false);
    expect(place({ pod: pod('a', { nodeSelector: { disk: 'ssd' } }), nodes })).toEqual({ node: 'n1' });
  });

  it('never breaks S1 to S4, whatever comes and in whatever order', () => {
    const apps = fc.constantFrom('a', 'b', 'c');
    const request = fc.record({ app: apps, against: fc.option(apps), port: fc.option(fc.constantFrom(1, 2)) });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 12 }), fc.boolean(), (requests, off) => {
        const nodes = [node('node-1', { off }), node('node-2'), node('node-3')];
        const bound: Pod[] = [];
        for (const { app, against, port } of requests) {
          const wanted = pod(app, {
            ...(against ? { affinity: apart(against) } : {}),
            containers: [{ name: 'c', ...(port ? { ports: [{ containerPort: 1, hostPort: port }] } : {}) }],
          });
          const choice = chooseNode({ pod: wanted, nodes, bound, pins: [] });
          if (choice.node === undefined) continue;
          bound.push({ ...wanted, spec: { containers: [], ...wanted.spec, nodeName: choice.node } });
        }
        for (const { metadata } of nodes) {
          const here = bound.filter((each) => each.spec?.nodeName === metadata?.name);
          if (off && metadata?.name === 'node-1') expect(here).toEqual([]);
          const ports = here.flatMap(hostPorts);
          expect(new Set(ports).size).toBe(ports.length);
          for (const each of here) {
            const [term] = each.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
            const enemy = term?.labelSelector?.matchLabels?.app;
            expect(here.filter((other) => other !== each && other.metadata?.labels?.app === enemy)).toEqual([]);
          }
        }
      }),
    );
  });
});
