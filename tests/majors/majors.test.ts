/**
 * Every supported major of PostgreSQL, driven by the real agent. Where an installation has no pg_basebackup, the replica is made by
 * copying the data folder of a stopped primary, which the agent takes for a finished copy.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { slotName } from '@polarstack/contracts';
import { initialParameters, loadCatalog, readTemplate } from '@polarstack/domain';
import { afterAll, describe, expect, test } from 'vitest';
import {
  bootstrapReplica,
  cloneRequest,
  createTestCluster,
  finished,
  initdbRequest,
  primaryTerm,
  provision,
  replicaTerm,
  signal,
  type TestPod,
} from '../agent/harness.ts';
import { type EngineResult, readClaims, renderEngines, type Step } from './engines-page.ts';
import { findServer, hasReplicationTools, installServers, type Major, majors } from './servers.ts';

const root = join(import.meta.dirname, '../..');
const page = join(root, 'docs/reference/engines.md');
const trouble = installServers();
if (trouble !== undefined) console.log(`majors without a server on this machine are skipped: ${trouble}`);

const cluster = await createTestCluster();
const results: EngineResult[] = [];
const deadline = { signal, timeoutMs: 60_000 };

/** The parameters that a cluster of this major gets from our own template. */
function templateParameters(major: Major): Readonly<Record<string, string>> {
  const catalog = loadCatalog((file) => readFileSync(join(root, 'deploy/catalog', file), 'utf8'), [major]);
  const template = catalog.find((one) => one.metadata.name === `postgresql-${major}-mycnf-template`);
  if (template === undefined) throw new Error(`no template for ${major}`);
  const layers = { template: readTemplate(template), classParameters: {}, userParameters: {} };
  return { ...initialParameters(layers, new Date()).engine, shared_buffers: '16MB' };
}

/** A parameter that this major does not know, but another does. */
const foreign = (major: Major): string => (major < 17 ? 'summarize_wal' : 'old_snapshot_threshold');

function copyDataFolder(from: TestPod, to: TestPod): void {
  const { status, stderr } = spawnSync('cp', ['-a', from.dataDir, dirname(to.dataDir)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

const seesCanary = async (pod: TestPod, token: string): Promise<void> => {
  await waitFor(
    `the canary on ${pod.name}`,
    async () => ((await pod.client.readCanary()).token === token ? true : undefined),
    deadline,
  );
};

afterAll(async () => await cluster.close());

describe.each(majors)('PostgreSQL %i', (major) => {
  const bin = findServer(major, cluster.folder);
  if (bin === undefined) {
    test.skip(`is not on this machine: skipped`, () => {});
    return;
  }
  const full = hasReplicationTools(bin);
  const passed: Step[] = [];
  let version = '';
  let a: TestPod;
  let b: TestPod;
  const step = (name: Step, body: () => Promise<void>): void => {
    test(name, async () => {
      await body();
      passed.push(name);
    });
  };
  afterAll(async () => {
    results.push({ major, version, passed });
    for (const pod of [a, b]) await pod.client.stop({ mode: 'immediate', timeoutMs: 5_000 });
  });

  const joinReplica = async (): Promise<void> => {
    const config = { version: 1, parameters: templateParameters(major) };
    await bootstrapReplica(b, a, { ...cloneRequest(a, b, [slotName(a.instanceId)]), config });
  };

  step('initdb', async () => {
    a = await cluster.pod(`${major}1`, { bin });
    b = await cluster.pod(`${major}2`, { bin });
    await a.start();
    const request = initdbRequest([slotName(b.instanceId)], templateParameters(major));
    await finished(a, await a.client.bootstrap('create', request));
  });

  step('configuration', async () => {
    const bad = a.client.setConfig({ version: 2, parameters: { [foreign(major)]: '1', work_mem: '1XB' } });
    await expect(bad).rejects.toMatchObject({
      code: 'InvalidParameter',
      message: expect.stringMatching(new RegExp(`${foreign(major)}: PostgreSQL ${major}[.\\d]* does not know`)),
    });
    await expect(bad).rejects.toThrow(/work_mem: invalid value/);
    const parameters = { ...templateParameters(major), work_mem: '7MB', wal_buffers: '2MB' };
    expect(await a.client.setConfig({ version: 2, parameters })).toEqual({ pendingRestart: ['wal_buffers'] });
  });

  step('start', async () => {
    for (const mode of ['fast', 'immediate'] as const) {
      expect(await a.client.stop({ mode, timeoutMs: 20_000 })).toMatchObject({ state: 'stopped' });
      expect(await a.client.start()).toMatchObject({ state: 'running', role: 'primary', pendingRestart: [] });
    }
  });

  step('reload', async () => {
    expect(await a.client.reload()).toMatchObject({ state: 'running' });
  });

  if (full) {
    step('base backup', async () => {
      // The database is made while it is copied: before 15 that copies the template's files.
      await Promise.all([joinReplica(), provision(a)]);
      await a.client.writeCanary('one');
      await seesCanary(b, 'one');
      await b.client.checkDatabases(['app']);
    });
  } else {
    test('a copied data folder streams', async () => {
      await a.client.stop({ mode: 'fast', timeoutMs: 20_000 });
      copyDataFolder(a, b);
      await a.client.start();
      await Promise.all([joinReplica(), provision(a)]);
      await a.client.writeCanary('one');
      await seesCanary(b, 'one');
      await b.client.checkDatabases(['app']);
    });
  }

  step('status', async () => {
    const primary = await waitFor(
      'the peer',
      async () => {
        const now = await a.client.status();
        return now.engine.peers?.[0]?.state === 'streaming' ? now : undefined;
      },
      deadline,
    );
    const replica = await b.client.status();
    version = primary.engine.version ?? '';
    expect(version).toMatch(new RegExp(`^${major}\\.`));
    expect(primary.engine).toMatchObject({
      role: 'primary',
      timeline: 1,
      peers: [{ instanceId: b.instanceId, state: 'streaming' }],
    });
    expect(replica.engine).toMatchObject({
      role: 'replica',
      timeline: 1,
      streaming: true,
      systemId: primary.engine.systemId,
    });
    expect(replica.engine.receivedLsn).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
  });

  step('promote', async () => {
    await b.client.setTerm(primaryTerm(2));
    await a.client.writeCanary('lost');
    await a.client.stop({ mode: 'immediate', timeoutMs: 5_000 });
    expect(await b.client.promote()).toMatchObject({ state: 'running', role: 'primary', timeline: 2 });
    await b.client.writeCanary('two');
  });

  if (!full) return;
  step('rewind', async () => {
    await a.client.setTerm(replicaTerm(b, a, 2));
    await finished(a, await a.client.rewind('r'));
    await a.client.start();
    await seesCanary(a, 'two');
  });
});

test('the page of engines claims only what passed', () => {
  if (process.env.POLARSTACK_WRITE_DOCS !== undefined) writeFileSync(page, renderEngines(results));
  const claims = readClaims(existsSync(page) ? readFileSync(page, 'utf8') : '');
  expect(claims.size).toBeGreaterThan(0);
  for (const { major, passed } of results) {
    // Which programs a machine has decides what could be tried; it must not have failed.
    const tried =
      claims.get(major)?.filter((one) => passed.includes(one) || !['base backup', 'rewind'].includes(one)) ?? [];
    expect([major, ...tried.filter((one) => !passed.includes(one))]).toEqual([major]);
  }
});
