import { MPDClusters } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { REQUEST_PREFIX } from '@polarstack/domain';
import { ConfigMaps, Nodes, PersistentVolumeClaims, Pods } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { alternateDeaths, forEachDeath, type Scene, survive } from '../testing/survive.ts';
import { podsOf, whole } from '../testing/whole.ts';

/** Each operation, asked for by a change of a made cluster, and what must hold in the end. */
const operations: readonly {
  readonly type: string;
  readonly change: object;
  /** What the world has for it first. */
  readonly prepare?: (s: Scene) => Promise<void>;
  readonly holds: (s: Scene) => void;
}[] = [
  {
    type: 'FlushParams',
    change: { spec: { parameters: { work_mem: '8MB' } } },
    holds: ({ world, kube }) => {
      for (const { config } of world.instances.values()) expect(config?.parameters.work_mem).toBe('8MB');
      const running = kube.all(ConfigMaps).find(({ metadata }) => metadata?.name === 'demo-running-params');
      expect(JSON.parse(running?.data?.work_mem ?? '')).toMatchObject({ value: '8MB' });
      expect(kube.all(MPDClusters)[0]?.status?.appliedSpec?.parameters).toEqual({ work_mem: '8MB' });
    },
  },
  {
    type: 'RestartIns',
    change: { metadata: { annotations: { restartIns: '1004' } } },
    holds: ({ world }) => {
      expect(world.instances.get('demo-1003-1004')?.starts).toBe(2);
      expect(world.instances.get('demo-1001-1002')?.starts).toBe(1);
    },
  },
  {
    type: 'FlushParams',
    // Higher: ROs first, then a switch, which restarts the old RW.
    change: { spec: { parameters: { max_connections: '150', shared_buffers: '48MB' } } },
    holds: (s) => {
      expect(leader(s)).not.toBe('1002');
      everywhere(s, { max_connections: '150', shared_buffers: '48MB' });
    },
  },
  {
    type: 'FlushParams',
    // Lower: the RW first, in place.
    change: { spec: { parameters: { max_connections: '60' } } },
    holds: (s) => {
      expect(leader(s)).toBe('1002');
      everywhere(s, { max_connections: '60' });
    },
  },
  {
    type: 'RestartCluster',
    change: { metadata: { annotations: { restartCluster: 'true' } } },
    holds: (s) => {
      for (const { starts, pod } of s.world.instances.values()) expect(starts, pod).toBe(2);
      expect(leader(s)).not.toBe('1002');
    },
  },
  {
    type: 'SwitchRw',
    change: { metadata: { annotations: { switchRw: '1006' } } },
    holds: (s) => {
      expect(leader(s)).toBe('1006');
      expect(s.operations().find(({ spec }) => spec.type === 'SwitchRw')?.status?.writePauseMs).toBe(5);
    },
  },
  {
    type: 'ModifyClass',
    change: { spec: { classInfoModifyTo: { className: 'local.medium' } } },
    holds: (s) => {
      const { spec, status } = s.kube.all(MPDClusters)[0] ?? {};
      expect(spec?.classInfo.className).toBe('local.medium');
      expect(spec?.classInfoModifyTo?.className).toBe('');
      expect(status?.insClassInfo).toEqual({ className: 'local.medium', cpu: '2', memory: '2048Mi' });
      for (const entry of Object.values(status?.dbInstanceStatus ?? {}))
        expect(entry.insClassInfo?.className).toBe('local.medium');
      for (const pod of s.kube.all(Pods)) expect(pod.spec?.containers[0]?.resources?.limits?.cpu).toBe('2');
      everywhere(s, { max_connections: '200', shared_buffers: '512MB' });
      const running = s.kube.all(ConfigMaps).find(({ metadata }) => metadata?.name === 'demo-running-params');
      expect(JSON.parse(running?.data?.max_connections ?? '')).toMatchObject({ value: '200' });
      expect(leader(s)).not.toBe('1002');
      expect(s.kube.all(PersistentVolumeClaims)).toHaveLength(3);
    },
  },
  {
    type: 'UpgradeMinorVersion',
    prepare: async (s) => await offer(s, '15.19'),
    change: { spec: { versionCfgModifyTo: { versionName: 'local-15.19' } } },
    holds: (s) => {
      const { spec, status } = s.kube.all(MPDClusters)[0] ?? {};
      expect(spec).toMatchObject({
        versionCfg: { versionName: 'local-15.19' },
        versionCfgModifyTo: { versionName: '' },
      });
      expect(status?.engine?.image).toBe('polarstack/postgres:15.19');
      expect(status?.appliedSpec?.versionCfg?.versionName).toBe('local-15.19');
      for (const pod of s.kube.all(Pods)) expect(pod.spec?.containers[0]?.image).toBe('polarstack/postgres:15.19');
      expect(leader(s)).not.toBe('1002');
    },
  },
  {
    type: 'AddRo',
    change: { spec: { followerNum: 4 } },
    holds: (s) => {
      const ids = whole(s, 5);
      expect(ids.slice(0, 3)).toEqual(['1002', '1004', '1006']);
      expect(podsOf(s)).toHaveLength(5);
    },
  },
  {
    type: 'RemoveRo',
    change: { metadata: { annotations: { removeIns: '1004' } } },
    holds: (s) => {
      expect(whole(s, 2)).toEqual(['1002', '1006']);
      expect(podsOf(s).some((pod) => pod.startsWith('demo-1003'))).toBe(false);
      expect(s.kube.all(MPDClusters)[0]?.spec.followerNum).toBe(1);
    },
  },
  {
    type: 'MigrateRo',
    change: { metadata: { annotations: { migrate: '1004|node-3' } } },
    holds: (s) => {
      const ids = whole(s, 3);
      expect(ids).not.toContain('1004');
      expect(podsOf(s).filter((pod) => pod.startsWith('demo-1003-'))).toEqual([`demo-1003-${ids.at(-1)}`]);
    },
  },
  {
    type: 'MigrateRw',
    change: { metadata: { annotations: { migrate: '1002|node-3' } } },
    holds: (s) => {
      const ids = whole(s, 3);
      expect(ids).not.toContain('1002');
      const { status } = s.kube.all(MPDClusters)[0] ?? {};
      expect(status?.leaderInstanceId).toBe(ids.at(-1));
      expect(podsOf(s)).toContain(`demo-1001-${ids.at(-1)}`);
    },
  },
  {
    type: 'ExtendStorage',
    change: { spec: { localStore: { size: '20Gi' } } },
    holds: ({ kube }) => {
      for (const { status } of kube.all(PersistentVolumeClaims)) expect(status?.capacity?.storage).toBe('20Gi');
      expect(kube.all(MPDClusters)[0]?.status?.appliedSpec?.localStore).toEqual({ size: '20Gi' });
    },
  },
  {
    type: 'RebuildRo',
    // No annotation of the original asks for it: this is how a request looks that was claimed.
    change: {
      metadata: {
        annotations: {
          [`${REQUEST_PREFIX}1`]: '{"type":"RebuildRo","parameters":{"instance":"1004"},"reason":"test"}',
        },
      },
    },
    holds: (s) => {
      const ids = whole(s, 3);
      expect(ids).not.toContain('1004');
      expect(podsOf(s).filter((pod) => pod.startsWith('demo-1003-'))).toEqual([`demo-1003-${ids.at(-1)}`]);
    },
  },
  {
    type: 'Rebuild',
    change: { metadata: { annotations: { forceRebuild: 'true' } } },
    holds: (s) => {
      expect(whole(s, 3)).toEqual(['1002', '1004', '1006']);
    },
  },
];

const leader = ({ kube }: Scene): string | undefined => kube.all(MPDClusters)[0]?.status?.leaderInstanceId;

/** Every engine has these values, and runs with them. */
function everywhere({ world }: Scene, values: Readonly<Record<string, string>>): void {
  for (const { config, runs, pod } of world.instances.values()) {
    expect(config?.parameters, pod).toMatchObject(values);
    expect(runs?.parameters, pod).toMatchObject(values);
  }
}

/** Another minor version in the catalog, with its image on every node. */
async function offer({ kube }: Scene, version: string): Promise<void> {
  const image = `polarstack/postgres:${version}`;
  const labels = { configtype: 'minor_version_info', dbClusterMode: 'Local', dbType: 'PostgreSQL', dbVersion: '15' };
  for (const node of kube.all(Nodes)) {
    const images = [...(node.status?.images ?? []), { names: [image] }];
    await kube.replaceStatus(Nodes, { ...node, status: { ...node.status, images } });
  }
  await kube.create(ConfigMaps, {
    metadata: { name: `postgresql-15-minor-version-info-local-${version}`, namespace: 'kube-system', labels },
    data: { name: `local-${version}`, version, pgEngineImage: image },
  });
}

const made = async (s: Scene): Promise<void> => {
  const { operator } = await s.start();
  await s.create('demo');
  await s.until('demo', 'Ready', 'True');
  await operator.close();
};

test.each(operations)(
  'RQ1, LA1: $type: an operator that dies before or after any of its effects: the next one finishes it, once',
  async ({ type, change, holds, prepare }) => {
    const wish = async (s: Scene): Promise<void> => {
      await prepare?.(s);
      const key = { namespace: 'default', name: 'demo' };
      await s.kube.patch(MPDClusters, key, { type: 'merge', body: change });
    };
    const end = async (s: Scene): Promise<void> => {
      await waitFor(
        `${type} to succeed`,
        async () => s.operations().find(({ spec, status }) => spec.type === type && status?.phase === 'Succeeded'),
        { signal: s.signal, timeoutMs: 120_000, intervalMs: 5 },
      );
      const [operation, ...others] = s.operations().filter(({ spec }) => spec.type === type);
      expect(others).toEqual([]);
      // OP2
      expect(operation?.status?.steps?.map(({ name }) => name)).toEqual(
        operation?.status?.plan?.map(({ step }) => step),
      );
      // The status follows the record and the pods at the next look.
      await waitFor(
        'what must hold',
        async () => {
          holds(s);
          return true;
        },
        {
          signal: s.signal,
          timeoutMs: 120_000,
          intervalMs: 5,
        },
      );
    };
    const { effects } = await survive(undefined, made, wish, end);
    expect(effects).toBeGreaterThan(8);
    await forEachDeath(alternateDeaths(effects), async (death) => await survive(death, made, wish, end));
  },
  600_000,
);
