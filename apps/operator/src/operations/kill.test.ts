import { MPDClusters } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { ConfigMaps } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { type Scene, survive } from '../testing/survive.ts';

/** Each operation, asked for by a change of a made cluster, and what must hold in the end. */
const operations: readonly {
  readonly type: string;
  readonly change: object;
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
];

const made = async (s: Scene): Promise<void> => {
  const { operator } = await s.start();
  await s.create('demo');
  await s.until('demo', 'Ready', 'True');
  await operator.close();
};

test.each(operations)(
  'RQ1, LA1: $type: an operator that dies before or after any of its effects: the next one finishes it, once',
  async ({ type, change, holds }) => {
    const wish = async (s: Scene): Promise<void> => {
      const key = { namespace: 'default', name: 'demo' };
      await s.kube.patch(MPDClusters, key, { type: 'merge', body: change });
    };
    const end = async (s: Scene): Promise<void> => {
      await waitFor(
        `${type} to succeed`,
        async () => s.operations().find(({ spec, status }) => spec.type === type && status?.phase === 'Succeeded'),
        { signal: s.signal, timeoutMs: 30_000, intervalMs: 5 },
      );
      expect(s.operations().filter(({ spec }) => spec.type === type)).toHaveLength(1);
      holds(s);
    };
    const { effects } = await survive(undefined, made, wish, end);
    expect(effects).toBeGreaterThan(8);
    for (let at = 0; at < effects; at++) {
      for (const when of ['before', 'after'] as const) await survive({ at, when }, made, wish, end);
    }
  },
  600_000,
);
