/**
 * Another minor version for a real cluster of three, while a client writes through the rw service and connects again. See
 * second-minor.ts for what of the second version is real.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigMaps, Pods } from '@polarstack/kube';
import { missing, seededRandom } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOwnOperator, type OwnOperator, underKills } from './own-operator.ts';
import { succeeded } from './replace-scene.ts';
import { copyAsVersion, type Installed, installedPostgres, laterMinor } from './second-minor.ts';
import { createWrittenScene, LIMIT_MS, type WrittenScene } from './written-scene.ts';

describe.skipIf(missing('postgres') || missing('kubectl'))('another minor version', () => {
  let scene: WrittenScene;
  let operator: OwnOperator;
  let installed: Installed;
  let folder: string;
  let next: string;
  let broken: string;
  let brokenBin: string;

  beforeAll(async () => {
    installed = installedPostgres();
    broken = laterMinor(installed, 20);
    next = laterMinor(installed, 30);
    folder = mkdtempSync(join(tmpdir(), 'minor-'));
    chmodSync(folder, 0o755);
    const bin = copyAsVersion(installed, join(folder, 'next'), next);
    brokenBin = copyAsVersion(installed, join(folder, 'broken'), broken);
    const env = { POLARSTACK_PG_BIN: [installed.bin, bin, brokenBin].join(':') };
    const versionCfg = { versionName: `postgresql-${installed.major}` };
    const spec = { followerNum: 2, versionCfg, operatorName: 'smith' };
    scene = await createWrittenScene('minor', spec, env, async (home) => {
      operator = await createOwnOperator(home, 'smith');
      operator.start();
    });
  }, LIMIT_MS);
  afterAll(async () => {
    await operator?.kill();
    await scene?.close();
    rmSync(folder, { recursive: true, force: true });
  }, LIMIT_MS);

  const versions = async (): Promise<ReadonlySet<string>> =>
    new Set(Object.values(await scene.show('server_version')).map((text) => text.split(' ')[0] ?? ''));
  const images = async () =>
    (
      await scene.client.list(Pods, { namespace: 'default', labelSelector: 'apsara.metric.clusterName=minor' })
    ).items.map(({ spec }) => spec?.containers[0]?.image);
  /** The entry of the catalog by which a version is offered. */
  const offer = async (name: string, version: string, image: string): Promise<void> => {
    const labels = {
      configtype: 'minor_version_info',
      dbClusterMode: 'Local',
      dbType: 'PostgreSQL',
      dbVersion: String(installed.major),
    };
    await scene.client.create(ConfigMaps, {
      metadata: { namespace: 'kube-system', name: `test-${name}`, labels },
      data: { name, version, pgEngineImage: image },
    });
  };
  const oldImage = () => `polarstack/postgres:${installed.major}`;

  test(
    'OP3: a downgrade, another major, an unreadable version and an image that no node has are refused',
    async () => {
      const [other, minor] = [installed.major + 1, Number(installed.version.split('.')[1])];
      await offer('older', `${installed.major}.${minor - 1}`, `polarstack/postgres:${next}`);
      await offer('other', `${other}.1`, `polarstack/postgres:${next}`);
      await offer('odd', 'newest', `polarstack/postgres:${next}`);
      await offer('imageless', next, 'polarstack/postgres:none');
      for (const [versionName, code, text] of [
        ['older', 'VersionNotUpgradable', 'downgrade'],
        ['other', 'VersionNotUpgradable', `major ${installed.major}`],
        ['odd', 'VersionNotUpgradable', 'newest'],
        ['imageless', 'VersionNotInstalled', 'no image'],
        ['unheard', 'VersionNotInstalled', 'no version'],
      ] as const) {
        const { status } = await scene.operate('UpgradeMinorVersion', { versionName });
        expect(status, versionName).toMatchObject({ phase: 'Failed', error: { code } });
        expect(status?.message).toContain(text);
        expect(status?.steps).toBeUndefined();
      }
      expect(new Set(await images())).toEqual(new Set([oldImage()]));
    },
    LIMIT_MS,
  );

  test(
    'an engine that is not the promised version is backed out: the first RO has its old image, nothing else was touched',
    async () => {
      await offer('promised', `${installed.major}.99`, `polarstack/postgres:${next}`);
      const [leader, starts] = [await scene.leader(), await scene.starts()];
      const operation = await scene.operate('UpgradeMinorVersion', { versionName: 'promised' });
      expect(operation.status).toMatchObject({ phase: 'Interrupted', error: { code: 'UpgradeBackedOut' } });
      expect(operation.status?.error?.message).toContain(`PostgreSQL ${next}, not ${installed.major}.99`);
      expect(operation.status?.error?.remedy).toMatch(/\S/);
      expect(new Set(await images())).toEqual(new Set([oldImage()]));
      expect(await versions()).toEqual(new Set([installed.version]));
      const after = await scene.starts();
      const restarted = Object.keys(starts).filter((id) => after[id] !== starts[id]);
      expect(restarted).toHaveLength(1);
      expect(restarted).not.toContain(leader);
      expect(await scene.leader()).toBe(leader);
      await scene.cancel(operation);
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'a program that does not run is backed out; when it is mended, Resume finishes',
    async () => {
      const program = join(brokenBin, 'postgres');
      const content = readFileSync(program);
      // Its name and version are fine; what it does is not.
      writeFileSync(program, `#!/bin/sh\n[ "$1" = --version ] && exec ${installed.bin}/postgres --version\nexit 3\n`);
      await offer('broken', broken, `polarstack/postgres:${broken}`);
      const operation = await scene.operate('UpgradeMinorVersion', { versionName: 'broken' });
      expect(operation.status).toMatchObject({ phase: 'Interrupted', error: { code: 'UpgradeBackedOut' } });
      expect(await versions()).toEqual(new Set([installed.version]));
      writeFileSync(program, content);
      succeeded(await scene.resume(operation));
      expect(await versions()).toEqual(new Set([broken]));
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'versionCfgModifyTo: ROs, a switch, the old RW, though the operator is killed on the way; the spec and the status say so in the end',
    async () => {
      const [leader, epoch] = [await scene.leader(), await scene.epoch()];
      const random = seededRandom('kills of the operator in UpgradeMinorVersion');
      const act = async () => await scene.change({ versionCfgModifyTo: { versionName: `postgresql-${next}` } });
      const { operation, killedAt } = await underKills(scene, operator, 'UpgradeMinorVersion', {
        random,
        times: 4,
        act,
      });
      const { writePauseMs, steps, plan } = succeeded(operation);
      expect(killedAt.length).toBeGreaterThan(0);
      expect(await scene.epoch()).toBe(epoch + 1);
      expect(steps?.map(({ name }) => name)).toEqual(plan?.map(({ step }) => step));
      expect(writePauseMs).toBeGreaterThan(0);
      expect(await versions()).toEqual(new Set([next]));
      expect(new Set(await images())).toEqual(new Set([`polarstack/postgres:${next}`]));
      expect(await scene.leader()).not.toBe(leader);
      const { spec, status } = await scene.cluster();
      expect(spec.versionCfg?.versionName).toBe(`postgresql-${next}`);
      expect(spec.versionCfgModifyTo?.versionName).toBe('');
      expect(status?.engine).toMatchObject({ image: `polarstack/postgres:${next}`, version: String(installed.major) });
      await scene.nothingLost();
    },
    LIMIT_MS,
  );
});
