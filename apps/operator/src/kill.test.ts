import { MPDClusters, MPDOperations } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { ConfigMaps, PersistentVolumeClaims, Pods, Secrets, Services } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { byName } from './testing/scene.ts';
import { alternateDeaths, everyDeath, forEachDeath, type Scene, survive } from './testing/survive.ts';

const key = { namespace: 'default', name: 'demo' };

const ready = async (s: Scene): Promise<void> => {
  const { status } = await s.until('demo', 'Ready', 'True');
  await waitFor(
    'the operation to end',
    async () => s.operations().find((operation) => operation.status?.phase === 'Succeeded'),
    { signal: s.signal, timeoutMs: 30_000, intervalMs: 5 },
  );
  // One set of ids, one object of each name, one initdb and one copy each: nothing twice, nothing left over.
  const instances = Object.values(status?.dbInstanceStatus ?? {});
  const pods = instances.map(({ podName }) => podName ?? '').sort(byName);
  expect(instances).toHaveLength(3);
  const mine = (resource: typeof Pods) =>
    s.kube
      .all(resource)
      .map(({ metadata }) => metadata?.name ?? '')
      .sort(byName);
  expect(mine(Pods)).toEqual(pods);
  expect(mine(PersistentVolumeClaims as never)).toEqual(pods);
  expect(mine(Services as never)).toHaveLength(3);
  expect(mine(Secrets as never)).toHaveLength(10);
  expect([...s.world.instances.keys()].sort(byName)).toEqual(pods);
  for (const { bootstrapped, tasks } of s.world.instances.values()) {
    expect(bootstrapped).toBe(1);
    expect(tasks.size).toBe(1);
  }
  const counters = await s.kube.get(ConfigMaps, { namespace: 'kube-system', name: 'polardb4mpd-controller' });
  // A crash between taking and recording ids leaves a gap, and no more than one.
  expect(['1007', '1014']).toContain(counters.data?.NextClusterScopeCustInsId);
  expect(s.operations()).toHaveLength(1);
};

const made = async (s: Scene): Promise<void> => {
  const { operator } = await s.start();
  await s.create('demo');
  await ready(s);
  await operator.close();
};

const gone = async (s: Scene): Promise<void> => {
  await s.untilGone('demo');
  for (const resource of [Pods, Services, Secrets, PersistentVolumeClaims, MPDOperations, MPDClusters]) {
    expect(s.kube.all(resource as typeof Pods)).toEqual([]);
  }
};

test('CC2, CC3, R1: an operator that dies before or after any of its effects while a cluster is made: the next one finishes it', async () => {
  const create = (s: Scene) => s.create('demo').then(() => undefined);
  const nothing = async () => {};
  const { effects } = await survive(undefined, nothing, create, ready);
  expect(effects).toBeGreaterThan(40);
  await forEachDeath(everyDeath(effects), async (death) => await survive(death, nothing, create, ready));
}, 600_000);

test('CC2, CC3, R1: the same while it is deleted', async () => {
  const remove = async (s: Scene): Promise<void> => await s.kube.delete(MPDClusters, key);
  const { effects } = await survive(undefined, made, remove, gone);
  const deaths = alternateDeaths(effects).filter((_, i) => i % 2 === 0);
  await forEachDeath(deaths, async (death) => await survive(death, made, remove, gone));
}, 600_000);

/** The namespace controller with and without the policy that keeps from it what belongs to clusters. */
const kept = async (s: Scene): Promise<void> => s.kube.endNamespace('default', [MPDClusters]);
const content = [MPDClusters, MPDOperations, Pods, PersistentVolumeClaims, Secrets, ConfigMaps, Services];
const all = async (s: Scene): Promise<void> => s.kube.endNamespace('default', content as (typeof Pods)[]);

test.each([
  ['what belongs to clusters is kept from it', kept],
  ['it removes everything under the operator', all],
])(
  'CC5, UD2: the same while its namespace is deleted; %s',
  async (_, wish) => {
    const { effects } = await survive(undefined, made, wish, gone);
    expect(effects).toBeGreaterThan(8);
    await forEachDeath(everyDeath(effects), async (death) => await survive(death, made, wish, gone));
  },
  600_000,
);

test.each([
  ['what belongs to clusters is kept from it', kept],
  ['it removes everything under the operator', all],
])(
  'CC5: the namespace is deleted at any moment of the creation; %s',
  async (_, end) => {
    const nothing = async () => {};
    const { effects } = await survive(undefined, nothing, async (s) => void (await s.create('demo')), ready);
    for (let at = 1; at < effects; at += 2) {
      const wish = async (s: Scene): Promise<void> => {
        let seen = 0;
        s.kube.afterWrite = (_verb, plural) => {
          if (plural === 'events' || ++seen !== at) return;
          s.kube.afterWrite = undefined;
          queueMicrotask(() => void end(s));
        };
        await s.create('demo');
      };
      await survive(undefined, nothing, wish, gone);
    }
  },
  600_000,
);

test('CC5: a deletion that began before its namespace is deleted is finished, with its operation or without', async () => {
  for (const end of [kept, all]) {
    const begun = async (s: Scene): Promise<void> => {
      s.kube.afterWrite = (verb, plural) => {
        if (verb !== 'replaceStatus' || plural !== 'mpdoperations') return;
        s.kube.afterWrite = undefined;
        queueMicrotask(() => void end(s));
      };
      await s.kube.delete(MPDClusters, key);
    };
    const { effects } = await survive(undefined, made, begun, gone);
    const deaths = everyDeath(effects).filter(({ when }) => when === 'after');
    await forEachDeath(deaths, async (death) => await survive(death, made, begun, gone));
  }
}, 600_000);
