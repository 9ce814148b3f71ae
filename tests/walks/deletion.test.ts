/**
 * A cluster is deleted while each of its operations is under way: at a moment drawn from the seed, with and without a kill of the
 * control process. Nothing of it is left, and a cluster of the same name can be made again.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MPDClusters, MPDOperations, type OperationType } from '@polarstack/api';
import { systemClock, waitFor } from '@polarstack/base';
import { isPlanned } from '@polarstack/domain';
import { ConfigMaps, PersistentVolumeClaims, Pods, Secrets, Services } from '@polarstack/kube';
import { clusterManifest, config, missing, seededRandom } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { atOldest, createWalkScene, namespace, type Row, SMALLEST, signal, type WalkScene } from './scene.ts';

const CLUSTER = 'doomed';
const spec = { followerNum: 1, localStore: { size: SMALLEST } };

type Parameters = (rw: string, ro: string, node: string, versions: readonly string[]) => Row;

/** What is under way, from the id of the RW and of its RO, a node without an instance, and the minor versions. */
const operations: readonly (readonly [OperationType, Parameters])[] = [
  ['SwitchRw', (_, instance) => ({ instance })],
  ['RestartIns', (instance) => ({ instance })],
  ['RestartCluster', () => ({ mode: 'rolling' })],
  ['AddRo', () => ({ count: 1 })],
  ['RemoveRo', (_, instance) => ({ instance })],
  ['MigrateRo', (_, instance, node) => ({ instance, node })],
  ['MigrateRw', (instance, _, node) => ({ instance, node })],
  ['RebuildRo', (_, instance) => ({ instance })],
  ['Rebuild', () => ({})],
  ['ModifyClass', () => ({ className: 'local.medium' })],
  ['ExtendStorage', () => ({ size: '512Mi' })],
  ['UpgradeMinorVersion', (_rw, _ro, _node, [, versionName]) => ({ versionName })],
];

describe.skipIf(missing('postgres') || missing('kubectl'))('deletion of a cluster in the middle of', () => {
  let s: WalkScene;
  const random = seededRandom('deletions');
  const all = operations.filter(([type]) => isPlanned(type));
  /** In the gate three of them, drawn from the seed; `make soak` takes all. */
  const first = Math.floor(random() * all.length);
  const taken = config.walks === undefined ? [0, 3, 6].map((i) => all[(first + i) % all.length]) : all;
  const chosen = taken.flatMap((one) => (one ? [one] : []));

  beforeAll(async () => {
    s = await createWalkScene(CLUSTER, (versions) => atOldest(spec, versions));
  }, 500_000);
  afterAll(async () => {
    await s?.close();
  }, 200_000);

  const volumes = (): readonly string[] =>
    ['node-1', 'node-2', 'node-3']
      .map((node) => join(s.home.dir, 'nodes', node, 'volumes'))
      .filter((dir) => existsSync(dir))
      .flatMap((dir) => readdirSync(dir));

  const left = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const resource of [MPDClusters, MPDOperations, Pods, PersistentVolumeClaims, Secrets, ConfigMaps, Services]) {
      const { items } = await s.client.list(resource as typeof Pods, { namespace });
      const mine = items.map(({ metadata }) => metadata?.name ?? '').filter((name) => name.startsWith(CLUSTER));
      found.push(...mine.map((name) => `${resource.plural}/${name}`));
    }
    return [...found, ...volumes()];
  };

  test.each(chosen)(
    '%s',
    async (type, parameters) => {
      const apply = clusterManifest(CLUSTER, atOldest(spec, s.versions));
      await s.home.kubectlOk(['apply', '-f', '-'], { input: apply });
      await s.home.kubectlOk(['wait', '--for=condition=Ready', `mpd/${CLUSTER}`, '--timeout=240s']);
      const { status } = await s.cluster();
      const rw = status?.leaderInstanceId ?? '';
      const ro = Object.keys(status?.dbInstanceStatus ?? {}).find((id) => id !== rw) ?? '';
      const used = Object.values(status?.dbInstanceStatus ?? {}).map(({ nodeName }) => nodeName);
      const free = ['node-1', 'node-2', 'node-3'].find((node) => !used.includes(node)) ?? '';
      const name = await s.make(type, parameters(rw, ro, free, s.versions));
      await waitFor(
        `${name} to begin`,
        async () => (await s.client.get(MPDOperations, { namespace, name })).status?.workflow,
        { signal, timeoutMs: 60_000, intervalMs: 10 },
      );
      await systemClock.sleep(random() * 2_000);
      await s.home.kubectlOk(['delete', 'mpd', CLUSTER, '--wait=false']);
      if (random() < 0.5) {
        await systemClock.sleep(random() * 500);
        s.killControl();
        await s.up();
      }
      let found: readonly string[] = [];
      try {
        await waitFor(
          'nothing to be left',
          async () => {
            found = await left();
            return found.length === 0 || undefined;
          },
          { signal, timeoutMs: 120_000, intervalMs: 100 },
        );
      } catch {
        expect(found).toEqual([]);
      }
      expect(s.home.processes().filter(({ command }) => command.includes(`${CLUSTER}-`))).toEqual([]);
    },
    500_000,
  );
});
