/** A cluster as the operator leaves it, for tests that play the operator. */
import { MPDClusters } from '@polarstack/api';
import { appliedSpec } from '@polarstack/domain';
import type { KubeClient, ObjectKey } from '@polarstack/kube';
import { runningStatus } from './cli-scene.ts';

export const playedInstance = (id: string, insType: 'rw' | 'ro') => ({
  ...runningStatus.dbInstanceStatus?.[id === '1000' ? '1000' : '1001'],
  podName: `demo-${id}-${id}`,
  physicalInsId: id,
  insId: id,
  insType,
  installed: true,
});

/** The status as if what an operation of this type does, or everything that the spec asks for, were done. */
export async function settleCluster(client: KubeClient, key: ObjectKey, type?: string): Promise<void> {
  const found = await client.get(MPDClusters, key);
  const { followerNum, classInfo } = found.spec;
  const ids = Array.from({ length: followerNum }, (_, i) => String(1001 + i));
  const others = Object.fromEntries(ids.map((id) => [id, playedInstance(id, 'ro')]));
  const gone = Object.fromEntries(['1001', '1002'].filter((id) => !ids.includes(id)).map((id) => [id, null]));
  const is = (...types: readonly string[]): boolean => type === undefined || types.includes(type);
  const status = {
    ...(is('ModifyClass') && { insClassInfo: { className: classInfo.className } }),
    ...(is('FlushParams') && { appliedSpec: appliedSpec(found) }),
    ...(is('AddRo', 'RemoveRo') && { dbInstanceStatus: { ...others, ...gone } }),
  };
  // A merge would keep parameters that are not set any more.
  const names = Object.keys(found.status?.appliedSpec?.parameters ?? {});
  const left = names.filter((name) => found.spec.parameters?.[name] === undefined);
  if (is('FlushParams') && left.length > 0) {
    const parameters = Object.fromEntries(left.map((name) => [name, null]));
    const body = { status: { appliedSpec: { parameters } } };
    await client.patchStatus(MPDClusters, key, { type: 'merge', body });
  }
  await client.patchStatus(MPDClusters, key, { type: 'merge', body: { status } });
}
