import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildCrds, type MPDCluster, MPDClusters, type MPDOperation, MPDOperations } from '@polarstack/api';
import type { Resource } from '@polarstack/kube';
import { describe, expect, it } from 'vitest';
import { compileCel } from '../../packages/kube-server/src/schema/cel.ts';
import { checkStructural } from '../../packages/kube-server/src/schema/structural.ts';
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

describe('our own API server', () => {
  it.each(buildCrds().map((crd) => [crd.spec.names.kind, crd.spec.versions[0]?.schema.openAPIV3Schema ?? {}]))(
    'accepts the schema and the rules of %s',
    (_kind, schema) => {
      expect(checkStructural(schema, 'schema')).toEqual([]);
      expect(compileCel(schema).errors).toEqual([]);
    },
  );
});

describe('CEL rules', () => {
  const { validator } = compileCel(at('MPDCluster'));
  const base = { dbClusterType: 'local', followerNum: 2, classInfo: { className: 'c' } };
  const object = (spec: object, name = 'demo') => ({ metadata: { name }, spec: { ...base, ...spec } });
  const broken = (spec: object, old?: object): string[] =>
    validator
      .validate(object(spec), old === undefined ? undefined : object(old))
      .map(({ field, detail }) => `${field}: ${detail}`);

  it.each(['a', 'demo', 'demo-2', 'a'.repeat(40)])('accept the name %s', (name) => {
    expect(validator.validate(object({}, name), undefined)).toEqual([]);
  });

  it.each(['a'.repeat(41), '1demo', 'demo-', 'de.mo', 'Demo'])('refuse the name %s', (name) => {
    const [error] = validator.validate(object({}, name), undefined);
    expect(error?.detail).toMatch(/^metadata.name must be at most 40 characters/);
  });

  it('hold minSync against followerNum and mode', () => {
    const durability = (mode: string, minSync: number) => ({ durability: { mode, minSync } });
    expect(broken(durability('sync', 2))).toEqual([]);
    expect(broken(durability('sync', 3))).toEqual(['spec: durability.minSync cannot be greater than followerNum']);
    expect(broken(durability('sync', 0))).toEqual(['spec.durability: mode sync needs minSync of at least 1']);
    expect(broken(durability('async', 0))).toEqual([]);
  });

  it('keep the engine type, named or implied', () => {
    expect(broken({ engine: { type: 'postgres' } }, {})).toEqual([]);
    expect(broken({ engine: { type: 'polardb' } }, {})).toEqual(['spec: engine.type cannot be changed']);
    expect(broken({ engine: { type: 'polardb' } })).toEqual([]);
  });

  it('keep the kind of storage', () => {
    const shared = { dbClusterType: 'share', engine: { type: 'polardb' }, shareStore: { drive: 'pvc' } };
    expect(broken(shared, { engine: { type: 'polardb' } })).toEqual(['spec.dbClusterType: cannot be changed']);
  });

  it('keep initdb', () => {
    expect(broken({ initdb: {} }, {})).toEqual(['spec: initdb cannot be added or removed once the cluster exists']);
    expect(broken({}, { initdb: {} })).toHaveLength(1);
    expect(broken({ initdb: { database: 'a' } }, { initdb: { database: 'b' } })).toEqual([
      'spec.initdb: cannot be changed once the cluster exists',
    ]);
    expect(broken({ initdb: { database: 'a' } }, { initdb: { database: 'a' } })).toEqual([]);
  });

  it('want a volume and PolarDB for shared storage', () => {
    const share = { dbClusterType: 'share', shareStore: { drive: 'pvc' } };
    expect(broken(share)).toEqual([]);
    expect(broken({ ...share, engine: { type: 'postgres' } })).toEqual([
      'spec: dbClusterType share needs engine.type polardb',
    ]);
    expect(broken({ dbClusterType: 'share' })).toEqual(['spec: dbClusterType share needs shareStore']);
  });

  it.each([
    [0, 0],
    [1023, 1],
    [1024, 0],
    [65_535, 0],
  ])('port %d has %d faults', (engineStartPort, faults) => {
    expect(broken({ netCfg: { engineStartPort } })).toHaveLength(faults);
  });

  it.each([
    ['database', 'postgres', 1],
    ['database', 'orders', 0],
    ['owner', 'aurora', 1],
    ['owner', 'pg_me', 1],
    ['owner', 'shop', 0],
  ])('initdb.%s %s has %d faults', (field, name, faults) => {
    expect(broken({ initdb: { [field]: name } })).toHaveLength(faults);
  });

  it('keep cluster and type of an operation', () => {
    const operation = compileCel(at('MPDOperation')).validator;
    const spec = { cluster: 'demo', type: 'Create' };
    expect(operation.validate({ spec }, { spec })).toEqual([]);
    expect(operation.validate({ spec: { ...spec, cluster: 'x' } }, { spec })).toHaveLength(1);
    expect(operation.validate({ spec: { ...spec, type: 'Delete' } }, { spec })).toHaveLength(1);
  });
});
