import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type MPDCluster, type MPDClusterSpecInput, type MPDClusterStatus, mpdClusterSpec } from '@polarstack/api';
import { errorTable } from '@polarstack/base';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readClasses } from '../catalog/classes.ts';
import { loadCatalog } from '../catalog/manifests.ts';
import { readTemplate, templateName } from '../catalog/template.ts';
import { appliedSpec, asApplied } from '../cluster/applied-spec.ts';
import type { ClusterLookups } from './lookups.ts';
import { validateCluster } from './validate-cluster.ts';

const root = new URL('../../../../', import.meta.url);
const read = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), 'utf8');
const catalog = loadCatalog((file) => read(`deploy/catalog/${file}`), [15, 17]);

const lookups: ClusterLookups = {
  classes: readClasses(catalog),
  versions: [17, 15].map((major) => ({
    name: `pg${major}`,
    major,
    version: `${major}.4`,
    image: `polarstack/postgres:${major}`,
  })),
  template: (major) => {
    const found = catalog.find(({ metadata }) => metadata.name === templateName(major));
    return found && readTemplate(found);
  },
  nodes: [1, 2, 3].map((n) => ({
    name: `node-${n}`,
    schedulable: true,
    images: ['polarstack/postgres:17', 'polarstack/postgres:15', 'host'],
    usedPorts: new Set(n === 2 ? [5501] : []),
  })),
  enginePorts: [{ from: 5400, to: 5800 }],
  claimedPorts: new Map([[5502, 'default/other']]),
};

const local: MPDClusterSpecInput = {
  dbClusterType: 'local',
  followerNum: 2,
  classInfo: { className: 'local.small' },
};
const cluster = (more: Partial<MPDClusterSpecInput> = {}, status?: MPDClusterStatus): MPDCluster => ({
  apiVersion: 'mpd.polardb.aliyun.com/v1',
  kind: 'MPDCluster',
  metadata: { name: 'c', namespace: 'default' },
  spec: mpdClusterSpec.parse({ ...local, ...more }),
  ...(status && { status }),
});
const problems = (more: Partial<MPDClusterSpecInput>, status?: MPDClusterStatus, world: Partial<ClusterLookups> = {}) =>
  validateCluster(cluster(more, status), { ...lookups, ...world }).map(
    ({ code, path, message, remedy }) => `${code} ${path}: ${message}. ${remedy}`,
  );

describe('a cluster that is to be made', () => {
  it.each([
    [{}],
    [{ engine: { type: 'postgres' as const, version: '15' } }],
    [{ engine: { version: '15.4' } }],
    [{ netCfg: { engineStartPort: 5500 } }],
    [{ parameters: { work_mem: '8MB', timezone: 'Europe/Berlin' }, initdb: { encoding: 'latin1' } }],
    [{ durability: { mode: 'async' as const }, ha: { mode: 'manual' as const } }],
    [{ dbProxyInfo: { enabled: false, name: '', resourceType: '' as const, consistencyLevel: 0 } }],
  ])('%j can be carried out', (more) => {
    expect(problems(more)).toEqual([]);
  });

  it.each<[Partial<MPDClusterSpecInput>, string]>([
    [
      { classInfo: { className: 'huge' } },
      'ClassUnknown spec.classInfo.className: there is no class huge. Known classes: local.large, local.medium, local.small.',
    ],
    [
      { classInfoModifyTo: { className: 'huge' } },
      'ClassUnknown spec.classInfoModifyTo.className: there is no class huge. Known classes: local.large, local.medium, local.small.',
    ],
    [
      { engine: { version: '14' } },
      'VersionNotInstalled spec.engine.version: PostgreSQL 14 is not installed. Installed: 17.4, 15.4.',
    ],
    [
      { versionCfg: { versionName: 'image-open' } },
      'VersionNotInstalled spec.versionCfg.versionName: PostgreSQL image-open is not installed. Installed: pg17 (17.4), pg15 (15.4).',
    ],
    [
      { netCfg: { engineStartPort: 6000 } },
      'PortOutOfRange spec.netCfg.engineStartPort: port 6000 is not a port for engines. Ports for engines: 5400-5800.',
    ],
    [
      { netCfg: { engineStartPort: 5501 } },
      'PortInUse spec.netCfg.engineStartPort: port 5501 is in use on node-2. Choose another port of 5400-5800, or leave it out to use the network of the pods.',
    ],
    [
      { netCfg: { engineStartPort: 5502 } },
      'PortInUse spec.netCfg.engineStartPort: port 5502 belongs to cluster default/other. Choose another port of 5400-5800, or leave it out to use the network of the pods.',
    ],
    [
      { netCfg: { engineStartPort: 5500 }, followerNum: 3 },
      'NotEnoughNodes spec.followerNum: 4 instances with one host port need as many nodes; 3 can take one. Set followerNum to at most 2, or leave netCfg.engineStartPort out.',
    ],
    [
      { parameters: { shared_buffers: '64kB' } },
      'ParameterInvalid spec.parameters.shared_buffers: shared_buffers: 64kB is below the minimum 128kB. Allowed: 128kB to 8589934584kB.',
    ],
    [
      { parameters: { max_connections: '5' } },
      'ParameterInvalid spec.parameters.max_connections: max_connections: 5 leaves no connection to users: 5 of 5 are reserved. max_connections must be greater than superuser_reserved_connections.',
    ],
    [
      { parameters: { Min_Wal_Size: '1GB' } },
      'ParameterInvalid spec.parameters.min_wal_size: min_wal_size: 1GB does not fit: min_wal_size is 1024MB, max_wal_size 512MB. min_wal_size must not be greater than max_wal_size.',
    ],
    [
      { parameters: { shared_buffers: '512MB' } },
      'ParameterInvalid spec.parameters.shared_buffers: shared_buffers: 512MB does not fit into the 512MB of memory of class local.small. Choose a smaller value or a larger class.',
    ],
    [
      { parameters: { work_men: '8MB' } },
      'ParameterUnknown spec.parameters.work_men: work_men: PostgreSQL 17 has no such parameter. Did you mean work_mem?',
    ],
    [
      { parameters: { fsync: 'off' } },
      'ParameterLocked spec.parameters.fsync: fsync: is set by the stack and cannot be changed. Leave it out.',
    ],
    [
      { initdb: { encoding: 'BIG5' } },
      'InitdbInvalid spec.initdb.encoding: PostgreSQL keeps no databases in BIG5. Use UTF8, or another of the server character sets of PostgreSQL, e.g. LATIN1 or EUC_JP.',
    ],
    [
      { durability: { mode: 'sync' } },
      'NotSupportedYet spec.durability.mode: synchronous replication cannot be set up yet. Use durability.mode async: a commit counts when the RW has it on disk.',
    ],
    [
      { engine: { type: 'polardb' } },
      'NotSupportedYet spec.engine.type: the engine polardb cannot be run yet. Use engine.type postgres.',
    ],
    [
      { dbClusterType: 'share', shareStore: { drive: 'pvc' } },
      'NotSupportedYet spec.dbClusterType: clusters on shared storage cannot be made yet. Use dbClusterType local with engine.type postgres.',
    ],
    [
      { ha: { profile: 'fast' } },
      'NotSupportedYet spec.ha.profile: nothing fails over on silence yet, so it has no profile. Leave ha.profile out.',
    ],
    [
      { localVolName: 'v' },
      'NotSupportedYet spec.localVolName: MPDLocalVolume cannot be used yet. Leave it out: each instance gets a PVC; localStore says its size and storage class.',
    ],
    [
      { dbProxyInfo: { enabled: true, name: 'p', resourceType: 'low', consistencyLevel: 0 } },
      'NotSupportedYet spec.dbProxyInfo.enabled: proxies cannot be made yet. Set it to false, or leave it out.',
    ],
    [
      { netCfg: { leaderFloatingIP: { ipAddress: '192.0.2.1' } } },
      'NotSupportedYet spec.netCfg.leaderFloatingIP: floating addresses cannot be set up yet. Leave it out: Service <cluster>-rw follows the RW.',
    ],
  ])('%j: %s', (more, expected) => {
    expect(problems(more)).toEqual([expected]);
  });

  it('names every problem at once', () => {
    const codes = validateCluster(
      cluster({
        classInfo: { className: 'x' },
        netCfg: { engineStartPort: 1024 },
        parameters: { a: '1', fsync: 'on' },
      }),
      lookups,
    ).map(({ code }) => code);
    expect(codes).toEqual(['ClassUnknown', 'PortOutOfRange', 'ParameterUnknown', 'ParameterLocked']);
  });

  it('says what to install where there is nothing', () => {
    expect(problems({}, undefined, { versions: [] })).toEqual([
      'VersionNotInstalled spec.engine.version: PostgreSQL is not installed. Install PostgreSQL and run `polarstack up` again.',
    ]);
    expect(problems({}, undefined, { template: () => undefined })).toEqual([
      'CatalogInvalid spec.engine.version: there is no parameter template for PostgreSQL 17. Run `polarstack up` again, or choose another version.',
    ]);
    expect(problems({}, undefined, { nodes: [] })).toEqual([
      'VersionNotInstalled spec.engine.version: no node has the image polarstack/postgres:17 of PostgreSQL 17.4. Installed: 17.4, 15.4.',
    ]);
  });
});

describe('a cluster that exists', () => {
  const instance = (insType: 'rw' | 'ro', port = 5432, netType = 'pod') => ({
    insType,
    installed: true,
    netInfo: { workingPort: port, netType },
  });
  const status: MPDClusterStatus = {
    engine: { type: 'postgres', version: '15' },
    insClassInfo: { className: 'local.small' },
    followerNum: 2,
    dbInstanceStatus: { 1: instance('rw'), 2: instance('ro'), 3: instance('ro') },
  };

  it('is fine unchanged, even where its version, class and port are gone from the catalog (invariant 2)', () => {
    const gone = { classes: new Map(), versions: [], nodes: [], enginePorts: [], template: () => undefined };
    expect(problems({}, status, gone)).toEqual([]);
    expect(problems({ engine: { version: '15' } }, status, gone)).toEqual([]);
    const host = { ...status, dbInstanceStatus: { 1: instance('rw', 5501, 'host') } };
    expect(problems({ followerNum: 0, netCfg: { engineStartPort: 5501 } }, host)).toEqual([]);
  });

  it.each<[Partial<MPDClusterSpecInput>, string]>([
    [
      { engine: { version: '17' } },
      'spec.engine.version: the version cannot be changed yet (15 to 17). Set it back to "15"; the cluster runs on unchanged.',
    ],
    [
      { netCfg: { engineStartPort: 5500 } },
      'spec.netCfg.engineStartPort: the network cannot be changed yet (that of the pods to host port 5500). Leave it out.',
    ],
    [
      { durability: { mode: 'sync' } },
      'spec.durability.mode: synchronous replication cannot be set up yet. Use durability.mode async: a commit counts when the RW has it on disk.',
    ],
  ])('%j changes nothing', (more, expected) => {
    expect(problems(more, status)).toEqual([`NotSupportedYet ${expected}`]);
  });

  it('takes classes, versions and parameters that operations change, as far as the catalog knows them', () => {
    expect(problems({ classInfoModifyTo: { className: 'local.large' } }, status)).toEqual([]);
    expect(problems({ classInfo: { className: 'huge' } }, status)[0]).toMatch(
      /^ClassUnknown spec.classInfo.className: there is no class huge. Known classes: local/,
    );
    expect(problems({ classInfoModifyTo: { className: 'huge' } }, status)[0]).toMatch(
      /^ClassUnknown spec.classInfoModifyTo.className: /,
    );
    expect(problems({ versionCfgModifyTo: { versionName: 'none' } }, status)).toEqual([
      'VersionNotInstalled spec.versionCfgModifyTo.versionName: the catalog has no version none. Offered: pg15 (15.4).',
    ]);
    const made = { ...status, appliedSpec: appliedSpec(cluster({ parameters: { JIT: 'on' } })) };
    expect(problems({ parameters: { jit: 'off', work_mem: '8MB' } }, made)).toEqual([]);
    expect(problems({ parameters: { work_mem: '1' } }, made)[0]).toMatch(/^ParameterInvalid spec.parameters.work_mem/);
  });

  describe('compared with what was recorded when it was made', () => {
    const engine = { version: '15.4' };
    const made = (more: Partial<MPDClusterSpecInput>): MPDClusterStatus => ({
      ...status,
      dbInstanceStatus: { 1: { ...instance('rw'), engine }, 2: instance('ro'), 3: instance('ro') },
      appliedSpec: appliedSpec(cluster(more)),
    });

    it.each<[Partial<MPDClusterSpecInput>, Partial<MPDClusterSpecInput>, string]>([
      [
        {},
        { localStore: { storageClassName: 'fast' } },
        'spec.localStore.storageClassName: the volumes of the instances cannot be changed yet (not set to fast). Leave it out.',
      ],
      [
        {},
        { initdb: { encoding: 'LATIN1' } },
        'spec.initdb.encoding: the way the data directory was made cannot be changed yet (UTF8 to LATIN1). Set it back to UTF8; the cluster runs on unchanged.',
      ],
      [
        {},
        { netCfg: { portStep: 5 } },
        'spec.netCfg.portStep: the network cannot be changed yet (not set to 5). Leave it out.',
      ],
      [
        {},
        { durability: { minSync: 2 } },
        'spec.durability.minSync: when a commit counts cannot be changed yet (1 to 2). Set it back to 1; the cluster runs on unchanged.',
      ],
      [
        {},
        { durability: { mode: 'sync' } },
        'spec.durability.mode: synchronous replication cannot be set up yet. Use durability.mode async: a commit counts when the RW has it on disk.',
      ],
    ])('%j to %j changes nothing, and is fine again when taken back', (before, after, expected) => {
      expect(problems(after, made(before))).toEqual([`NotSupportedYet ${expected}`]);
      expect(problems(before, made(before))).toEqual([]);
    });

    it('lets volumes grow, and never shrink', () => {
      const applied = made({ localStore: { size: '1Gi' } });
      expect(problems({ localStore: { size: '2Gi' } }, applied)).toEqual([]);
      expect(problems({ localStore: { size: '1Gi', autoGrow: { maxSize: '9Gi' } } }, applied)).toEqual([]);
      expect(problems({}, applied)).toEqual([]);
      expect(problems({ localStore: { size: '512Mi' } }, applied)).toEqual([
        'VolumeCannotShrink spec.localStore.size: volumes cannot be made smaller (1Gi to 512Mi). Set it back to 1Gi; the cluster runs on unchanged.',
      ]);
    });

    it('names a version that the catalog does not have', () => {
      expect(problems({ versionCfg: { versionName: 'pg15b' } }, made({ versionCfg: { versionName: 'pg15' } }))).toEqual(
        ['VersionNotInstalled spec.versionCfg.versionName: the catalog has no version pg15b. Offered: pg15 (15.4).'],
      );
      expect(problems({ engine: { version: '15.3' } }, made({ engine: { version: '15' } }))).toEqual([
        'VersionNotInstalled spec.engine.version: the catalog has no version 15.3. Offered: pg15 (15.4).',
      ]);
    });

    it('takes the same said in other words', () => {
      expect(problems({ engine: { version: '15.4' } }, made({}))).toEqual([]);
      expect(problems({ durability: {}, netCfg: { engineStartPort: 0 } }, made({}))).toEqual([]);
      expect(problems({ initdb: {}, localStore: { storageClassName: '' } }, made({}))).toEqual([]);
      expect(problems({ description: 'ours', deletionProtection: true }, made({}))).toEqual([]);
    });

    it('and what is made or mended for it comes from the record', () => {
      const before = { localStore: { size: '1Gi' }, parameters: { jit: 'on' } };
      const after = cluster({ netCfg: { engineStartPort: 5500 }, followerNum: 1, description: 'x' }, made(before));
      const { spec } = asApplied(after);
      expect(spec).toMatchObject({ ...before, followerNum: 1, description: 'x' });
      expect(spec.netCfg).toBeUndefined();
      expect(asApplied(cluster({ parameters: { jit: 'on' } })).spec.parameters).toEqual({ jit: 'on' });
    });
  });
});

describe('the examples', () => {
  const folder = fileURLToPath(new URL('examples/', root));
  const example = (file: string) => parse(read(`examples/${file}`));

  it.each(readdirSync(folder))('%s has no field that the schema does not know, and says what it is', (file) => {
    const { spec, metadata } = example(file);
    expect(mpdClusterSpec.parse(spec)).toMatchObject(spec);
    expect(metadata.name).toMatch(/^[a-z][a-z0-9-]{0,39}$/);
    expect(read(`examples/${file}`)).toMatch(/^# /);
  });

  it.each(readdirSync(folder))('%s can be carried out, except shared storage', (file) => {
    const codes = validateCluster({ ...example(file), spec: mpdClusterSpec.parse(example(file).spec) }, lookups);
    expect(codes.map(({ code }) => code)).toEqual(file === 'shared-storage.yaml' ? ['NotSupportedYet'] : []);
  });
});

describe('problems', () => {
  it('have codes of the error table', () => {
    const all = validateCluster(cluster({ classInfo: { className: 'x' }, engine: { version: '9' } }), lookups);
    for (const { code } of all) expect(errorTable).toHaveProperty(code);
    expect(all).toHaveLength(2);
  });
});
