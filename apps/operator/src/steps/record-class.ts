import { type MPDCluster, type MPDClusterStatus, MPDClusters } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { classInfoOf } from '@polarstack/domain';
import { readCluster, updateClusterStatus } from '../kube/cluster-status-writer.ts';
import { type ClusterStep, keyOf } from './services.ts';

/**
 * The class that all instances have by now is the cluster's: in the spec, where `classInfoModifyTo` moves into `classInfo`, and
 * in the status. What a user has asked for since stays.
 */
export const recordClass: ClusterStep = {
  name: 'RecordClass',
  timeoutMs: 60_000,
  run: async (step) => {
    const { client, catalog } = step.services;
    const { className, from } = step.input;
    if (typeof className !== 'string') throw new StackError('Internal', 'the plan does not name the class');
    const sizes = catalog.instanceClass(className);
    if (!sizes) throw new StackError('ClassUnknown', `there is no class ${className} any more`);
    const key = keyOf(step);
    const cluster = await readCluster(client, key, step.signal);
    const spec = classInSpec(cluster.spec, className, from);
    const written = spec
      ? await client.patch(
          MPDClusters,
          key,
          { type: 'merge', body: { metadata: { resourceVersion: cluster.metadata.resourceVersion }, spec } },
          step.signal,
        )
      : cluster;
    const recorded = ({ status }: MPDCluster): MPDClusterStatus => ({
      ...status,
      insClassInfo: classInfoOf(className, sizes),
    });
    await updateClusterStatus(client, written, recorded, step.signal);
    return { type: 'done', message: `${className} is the class of the cluster` };
  },
};

/** What changes in the spec; undefined where it says so already. */
function classInSpec({ classInfo, classInfoModifyTo }: MPDCluster['spec'], className: string, from: unknown) {
  const moves = classInfoModifyTo?.className === className;
  const names = classInfo.className !== className && (moves || classInfo.className === from);
  if (!moves && !names) return undefined;
  const { cpu = null, memory = null, iops = null } = (moves && classInfoModifyTo) || {};
  const nothing = { className: '', cpu: null, memory: null, iops: null };
  return {
    ...(moves && { classInfoModifyTo: nothing }),
    ...(names && { classInfo: { className, cpu, memory, iops } }),
  };
}
