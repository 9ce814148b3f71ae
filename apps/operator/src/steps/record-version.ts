import { type MPDCluster, type MPDClusterStatus, MPDClusters } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { readCluster, updateClusterStatus } from '../kube/cluster-status-writer.ts';
import { type ClusterStep, keyOf } from './services.ts';

/**
 * The version that all instances run by now is the cluster's: in the spec, where `versionCfgModifyTo` moves into `versionCfg`, and
 * in the status, from which new instances get their image. What a user has asked for since stays.
 */
export const recordVersion: ClusterStep = {
  name: 'RecordVersion',
  timeoutMs: 60_000,
  run: async (step) => {
    const { client } = step.services;
    const { versionName, image, version, from, pinned } = step.input;
    if (typeof versionName !== 'string' || typeof image !== 'string' || typeof version !== 'string') {
      throw new StackError('Internal', 'the plan does not name the version');
    }
    const key = keyOf(step);
    const cluster = await readCluster(client, key, step.signal);
    const { spec } = cluster;
    const moves = spec.versionCfgModifyTo?.versionName === versionName;
    const before = spec.versionCfg?.versionName ?? '';
    const names = before !== versionName && (moves || before === from);
    const isPinned = spec.engine?.version?.includes('.') === true && spec.engine.version === pinned;
    const change = {
      ...(moves && { versionCfgModifyTo: { versionName: '' } }),
      ...(names && { versionCfg: { versionName } }),
      ...(isPinned && pinned !== version && { engine: { version } }),
    };
    const body = { metadata: { resourceVersion: cluster.metadata.resourceVersion }, spec: change };
    const written =
      Object.keys(change).length > 0
        ? await client.patch(MPDClusters, key, { type: 'merge', body }, step.signal)
        : cluster;
    const recorded = ({ status }: MPDCluster): MPDClusterStatus => {
      const engine = status?.appliedSpec?.engine;
      return {
        ...status,
        engine: { ...status?.engine, image },
        appliedSpec: {
          ...status?.appliedSpec,
          versionCfg: { versionName },
          ...(typeof pinned === 'string' && pinned.includes('.') && engine && { engine: { ...engine, version } }),
        },
      };
    };
    await updateClusterStatus(client, written, recorded, step.signal);
    return { type: 'done', message: `${versionName} (PostgreSQL ${version}) is the version of the cluster` };
  },
};
