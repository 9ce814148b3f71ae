import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Environment } from '@marcbachmann/cel-js';
import { buildCrds, type MPDCluster, MPDClusters, type MPDOperation, MPDOperations } from '@polarstack/api';
import type { Resource } from '@polarstack/kube';
import { describe, expect, it } from 'vitest';
import { crdFiles } from '../../scripts/generate-crds.ts';

const folder = fileURLToPath(new URL('../../deploy/crds/', import.meta.url));
type Node = Readonly<Record<string, unknown>>;

/** Every schema of a CRD with its path. */
function* nodes(schema: Node, path: string): Generator<{ readonly path: string; readonly node: Node }> {
  yield { path, node: schema };
  for (const [name, child] of Object.entries((schema.properties ?? {}) as Record<string, Node>)) {
    yield* nodes(child, `${path}.${name}`);
  }
  if (schema.items) yield* nodes(schema.items as Node, `${path}[]`);
  if (schema.additionalProperties) yield* nodes(schema.additionalProperties as Node, `${path}{}`);
}

const all = buildCrds().flatMap((crd) =>
  crd.spec.versions.flatMap((version) => [...nodes(version.schema.openAPIV3Schema, crd.spec.names.kind)]),
);
const at = (path: string): Node => {
  const found = all.find((entry) => entry.path === path);
  if (!found) throw new Error(`no schema at ${path}`);
  return found.node;
};

describe('committed CRDs', () => {
  it('are what the schemas give; `npx tsx scripts/generate-crds.ts` writes them', () => {
    const files = crdFiles();
    expect(readdirSync(folder).sort()).toEqual([...files.keys()].sort());
    for (const [name, content] of files) expect(readFileSync(folder + name, 'utf8'), name).toBe(content);
  });
});

describe('structural schemas', () => {
  it('give every node a type, except int-or-string', () => {
    const bad = all.filter(({ node }) => (node.type === undefined) !== (node['x-kubernetes-int-or-string'] === true));
    expect(bad.map(({ path }) => path)).toEqual([]);
  });

  it('contain nothing that a structural schema may not', () => {
    const forbidden = [
      '$ref',
      '$schema',
      '$defs',
      'anyOf',
      'oneOf',
      'allOf',
      'not',
      'const',
      'propertyNames',
      'patternProperties',
      'definitions',
      'additionalItems',
      'uniqueItems',
      'exclusiveMinimum',
      'exclusiveMaximum',
      'readOnly',
    ];
    const bad = all.flatMap(({ path, node }) => forbidden.filter((key) => key in node).map((key) => `${path}: ${key}`));
    expect(bad).toEqual([]);
  });

  it('never have both properties and additionalProperties, and never additionalProperties false', () => {
    const bad = all.filter(
      ({ node }) => node.additionalProperties === false || (node.properties && node.additionalProperties),
    );
    expect(bad.map(({ path }) => path)).toEqual([]);
  });

  it('describe every field for kubectl explain', () => {
    const fields = all.filter(
      ({ path }) => !path.endsWith('[]') && !path.endsWith('{}') && !path.endsWith('.metadata'),
    );
    expect(fields.filter(({ node }) => !node.description).map(({ path }) => path)).toEqual([]);
  });

  it('require only fields that are there and have no default', () => {
    const bad = all.flatMap(({ path, node }) =>
      ((node.required ?? []) as string[])
        .filter((name) => {
          const child = ((node.properties ?? {}) as Record<string, Node>)[name];
          return !child || 'default' in child;
        })
        .map((name) => `${path}.${name}`),
    );
    expect(bad).toEqual([]);
  });

  it('have defaults that they accept themselves', () => {
    for (const { path, node } of all.filter(({ node }) => 'default' in node)) {
      expect(['boolean', 'string', 'number'], path).toContain(typeof node.default);
      if (node.enum) expect(node.enum, path).toContain(node.default);
      if (typeof node.minimum === 'number') expect(node.default, path).toBeGreaterThanOrEqual(node.minimum);
      if (typeof node.maximum === 'number') expect(node.default, path).toBeLessThanOrEqual(node.maximum);
      if (typeof node.pattern === 'string') expect(node.default, path).toMatch(new RegExp(node.pattern));
    }
  });

  it('default nothing that a manifest of the original leaves out, except operator and protection', () => {
    const spec = at('MPDCluster.spec').properties as Record<string, Node>;
    const defaulted = Object.keys(spec).filter((name) => 'default' in (spec[name] ?? {}));
    expect(defaulted.sort()).toEqual(['deletionProtection', 'operatorName']);
  });
});

describe('names and endpoints', () => {
  it('fit the resource type of the Kubernetes client', () => {
    const clusters: Resource<MPDCluster> = MPDClusters;
    const operations: Resource<MPDOperation> = MPDOperations;
    expect([clusters.plural, operations.plural]).toEqual(['mpdclusters', 'mpdoperations']);
  });

  it('are those of the contract', () => {
    const summary = buildCrds().map(({ metadata, spec }) => [metadata.name, spec.names.shortNames, spec.scope]);
    expect(summary).toEqual([
      ['mpdclusters.mpd.polardb.aliyun.com', ['mpd'], 'Namespaced'],
      ['mpdoperations.mpd.polardb.aliyun.com', ['mpdop'], 'Namespaced'],
      ['mpdvolumes.mpd.polardb.aliyun.com', ['mpdvol'], 'Cluster'],
      ['mpdlocalvolumes.mpd.polardb.aliyun.com', ['mv'], 'Namespaced'],
    ]);
    const [cluster] = buildCrds();
    expect(cluster?.spec.versions[0]?.subresources).toEqual({
      status: {},
      scale: {
        specReplicasPath: '.spec.followerNum',
        statusReplicasPath: '.status.followerNum',
        labelSelectorPath: '.status.selector',
      },
    });
  });
});

describe('CEL rules', () => {
  const environment = new Environment({ unlistedVariablesAreDyn: true });
  const broken = (path: string, self: unknown, oldSelf?: unknown): string[] =>
    (at(path)['x-kubernetes-validations'] as { rule: string; message: string }[])
      .filter(({ rule }) => oldSelf !== undefined || !rule.includes('oldSelf'))
      .filter(({ rule }) => environment.evaluate(rule, { self, oldSelf }) !== true)
      .map(({ message }) => message);
  const named = (name: string) => broken('MPDCluster', { metadata: { name } });
  const local = { dbClusterType: 'local', followerNum: 2n };

  it.each(['a', 'demo', 'demo-2', 'a'.repeat(40)])('accept the name %s', (name) => {
    expect(named(name)).toEqual([]);
  });

  it.each(['a'.repeat(41), '1demo', 'demo-', 'de.mo', 'Demo'])('refuse the name %s', (name) => {
    expect(named(name)).toHaveLength(1);
  });

  it('hold minSync against followerNum and mode', () => {
    const spec = (minSync: bigint) => ({ ...local, durability: { mode: 'sync', minSync } });
    expect(broken('MPDCluster.spec', spec(2n))).toEqual([]);
    expect(broken('MPDCluster.spec', spec(3n))).toEqual(['durability.minSync cannot be greater than followerNum']);
    expect(broken('MPDCluster.spec.durability', { mode: 'sync', minSync: 0n })).toHaveLength(1);
    expect(broken('MPDCluster.spec.durability', { mode: 'async', minSync: 0n })).toEqual([]);
  });

  it('keep the engine type, named or implied', () => {
    expect(broken('MPDCluster.spec', { ...local, engine: { type: 'postgres' } }, local)).toEqual([]);
    expect(broken('MPDCluster.spec', { ...local, engine: { type: 'polardb' } }, local)).toEqual([
      'engine.type cannot be changed',
    ]);
    expect(broken('MPDCluster.spec.dbClusterType', 'share', 'local')).toEqual(['cannot be changed']);
  });

  it('keep initdb', () => {
    expect(broken('MPDCluster.spec', { ...local, initdb: {} }, local)).toHaveLength(1);
    expect(broken('MPDCluster.spec.initdb', { database: 'a' }, { database: 'b' })).toHaveLength(1);
    expect(broken('MPDCluster.spec.initdb', { database: 'a' }, { database: 'a' })).toEqual([]);
  });

  it('want a volume and PolarDB for shared storage', () => {
    const share = { dbClusterType: 'share', followerNum: 1n, shareStore: { drive: 'pvc' } };
    expect(broken('MPDCluster.spec', share)).toEqual([]);
    expect(broken('MPDCluster.spec', { ...share, engine: { type: 'postgres' } })).toHaveLength(1);
    expect(broken('MPDCluster.spec', { dbClusterType: 'share', followerNum: 1n })).toHaveLength(1);
  });

  it.each([0, 1024, 65_535])('accept port %d', (port) => {
    expect(broken('MPDCluster.spec.netCfg.engineStartPort', BigInt(port))).toEqual([]);
  });

  it('refuse a privileged port and names that the stack uses itself', () => {
    expect(broken('MPDCluster.spec.netCfg.engineStartPort', 1023n)).toHaveLength(1);
    expect(broken('MPDCluster.spec.initdb.database', 'postgres')).toHaveLength(1);
    expect(broken('MPDCluster.spec.initdb.owner', 'aurora')).toHaveLength(1);
    expect(broken('MPDCluster.spec.initdb.owner', 'pg_me')).toHaveLength(1);
    expect(broken('MPDCluster.spec.initdb.owner', 'shop')).toEqual([]);
  });
});
