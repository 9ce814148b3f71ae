import { MPDClusters } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { updateWithRetry } from '@polarstack/kube';
import { readCluster } from '../kube/cluster-status-writer.ts';
import { type ClusterStep, keyOf } from './services.ts';

/** The spec follows what an operation made that it did not ask for. One that was edited meanwhile has the last word. */
export const recordFollowers: ClusterStep = {
  name: 'RecordFollowers',
  timeoutMs: 30_000,
  run: async (step) => {
    const { from, to } = step.input;
    if (typeof from !== 'number' || typeof to !== 'number') throw new StackError('Internal', 'the plan has no numbers');
    const { client } = step.services;
    const key = keyOf(step);
    await readCluster(client, key, step.signal);
    const { spec } = await updateWithRetry(
      client,
      MPDClusters,
      key,
      (cluster) =>
        cluster.metadata.uid === key.uid && cluster.spec.followerNum === from
          ? { ...cluster, spec: { ...cluster.spec, followerNum: to } }
          : undefined,
      { signal: step.signal },
    );
    return { type: 'done', message: `spec.followerNum is ${spec.followerNum}` };
  },
};
