import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildCrds } from '@polarstack/api';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { compileCel } from '../../packages/kube-server/src/schema/cel.ts';
import { normalise } from '../../packages/kube-server/src/schema/normalise.ts';
import type { Schema } from '../../packages/kube-server/src/schema/schema.ts';
import { validate } from '../../packages/kube-server/src/schema/validate.ts';

/** Manifests against the committed schema, by the code with which our API server judges them. */
const schema = buildCrds().find(({ spec }) => spec.names.kind === 'MPDCluster')?.spec.versions[0]?.schema
  .openAPIV3Schema as Schema;
const { validator } = compileCel(schema);

/** What is wrong with a manifest under `fieldValidation=Strict`; empty: it is accepted. */
function faults(manifest: { readonly metadata?: object; readonly spec: object }): readonly string[] {
  const bare = { ...manifest, metadata: {} };
  const { value, unknown, mismatches } = normalise(schema, bare, { typed: false });
  const whole = { ...(value as object), metadata: manifest.metadata };
  return [
    ...unknown.map((field) => `${field}: unknown`),
    ...mismatches.map((field) => `${field}: wrong type`),
    ...validate(schema, value, { typed: false }).map(({ field, type }) => `${field}: ${type}`),
    ...validator.validate(whole, undefined).map(({ field, detail }) => `${field}: ${detail}`),
  ];
}

const folder = fileURLToPath(new URL('../../examples/', import.meta.url));
const example = (file: string) => parse(readFileSync(folder + file, 'utf8'));

describe('examples', () => {
  it.each(readdirSync(folder))('%s is accepted', (file) => {
    expect(faults(example(file))).toEqual([]);
  });
});

describe('what a schema can say is refused at apply', () => {
  const local = { dbClusterType: 'local', followerNum: 2, classInfo: { className: 'local.small' } };
  const of = (spec: object, name = 'demo') => faults({ metadata: { name }, spec: { ...local, ...spec } });

  it('nothing is wrong with the smallest manifest', () => {
    expect(of({})).toEqual([]);
  });

  it.each<[object, string]>([
    [{ followerNum: 'two' }, 'spec.followerNum'],
    [{ followerNum: -1 }, 'spec.followerNum'],
    [{ followerNum: 99 }, 'spec.followerNum'],
    [{ dbClusterType: 'cloud' }, 'spec.dbClusterType'],
    [{ classInfo: {} }, 'spec.classInfo.className'],
    [{ engine: { version: 15 } }, 'spec.engine.version'],
    [{ engine: { version: 'fifteen' } }, 'spec.engine.version'],
    [{ engine: { type: 'mysql' } }, 'spec.engine.type'],
    [{ netCfg: { engineStartPort: 80 } }, 'spec.netCfg.engineStartPort'],
    [{ netCfg: { engineStartPort: 65_536 } }, 'spec.netCfg.engineStartPort'],
    [{ parameters: { work_mem: 8 } }, 'spec.parameters.work_mem'],
    [{ localStore: { size: 'big' } }, 'spec.localStore.size'],
    [{ deletionProtection: 'yes' }, 'spec.deletionProtection'],
    [{ replicas: 3 }, 'spec.replicas'],
    [{ engine: { versoin: '15' } }, 'spec.engine.versoin'],
    [{ initdb: { owner: 'replicator' } }, 'spec.initdb.owner'],
  ])('%j', (spec, field) => {
    const found = of(spec);
    expect(found.length).toBeGreaterThan(0);
    expect(
      found.every((fault) => fault.startsWith(`${field}:`)),
      found.join('; '),
    ).toBe(true);
  });

  it.each(['x'.repeat(41), 'Demo', '9lives', 'a.b'])('the name %s', (name) => {
    expect(of({}, name)).toHaveLength(1);
  });
});
