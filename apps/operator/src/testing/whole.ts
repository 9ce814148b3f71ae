import { HA_RECORD_KEY, MPDClusters, names } from '@polarstack/api';
import { parseRecord } from '@polarstack/ha';
import { ConfigMaps, PersistentVolumeClaims, Pods } from '@polarstack/kube';
import { expect } from 'vitest';
import type { Scene } from './survive.ts';

export const podsOf = ({ kube }: Pick<Scene, 'kube'>): readonly string[] =>
  kube
    .all(Pods)
    .map(({ metadata }) => metadata?.name ?? '')
    .sort();

/** Status, HA record, pods, volumes and slots agree on who belongs to the cluster; answers the ids. */
export function whole({ kube, world }: Scene, count: number): readonly string[] {
  const { status } = kube.all(MPDClusters)[0] ?? {};
  const entries = Object.entries(status?.dbInstanceStatus ?? {});
  expect(entries).toHaveLength(count);
  for (const [, entry] of entries) {
    expect(entry.installed).toBe(true);
    expect(entry.operation).toBeUndefined();
  }
  const ids = entries.map(([id]) => id).sort((a, b) => Number(a) - Number(b));
  const pods = entries.map(([, { podName = '' }]) => podName).sort();
  const map = kube.all(ConfigMaps).find(({ metadata }) => metadata?.name === names.haRecord('demo'));
  expect(Object.keys(parseRecord(map?.data?.[HA_RECORD_KEY] ?? '').members).sort()).toEqual([...ids].sort());
  expect(podsOf({ kube })).toEqual(pods);
  expect(
    kube
      .all(PersistentVolumeClaims)
      .map(({ metadata }) => metadata?.name ?? '')
      .sort(),
  ).toEqual(pods);
  for (const [id, { podName = '' }] of entries) {
    const others = ids.filter((other) => other !== id).map((other) => `ins_${other}`);
    expect([...(world.instances.get(podName)?.slots ?? [])].sort(), `slots of ${id}`).toEqual(others.sort());
  }
  return ids;
}
