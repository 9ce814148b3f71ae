import { type MPDCluster, type MPDClusterInput, MPDClusters } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { validateCluster } from '@polarstack/domain';
import type { KubeHttpClient, Resource } from '@polarstack/kube';
import { problemError } from '../change/edit-spec.ts';
import type { Connection } from '../connect/connect.ts';
import { readLookups } from './lookups.ts';

/** As the server takes it: without what its schema fills in. */
export const ClusterInputs: Resource<MPDClusterInput> = MPDClusters as unknown as Resource<MPDClusterInput>;

/** Everything that can be known beforehand, for all of them, before anything is written. */
export async function checkNew(
  { client }: Pick<Connection, 'client'>,
  inputs: readonly MPDClusterInput[],
  signal: AbortSignal,
): Promise<readonly MPDCluster[]> {
  const lookups = await readLookups(client, signal);
  const checked: MPDCluster[] = [];
  for (const input of inputs) {
    const cluster = await withDefaults(client, input, signal);
    const problems = validateCluster(cluster, lookups);
    if (problems.length > 0) throw problemError(input.metadata.name ?? '', problems);
    checked.push(withoutServerFields(cluster));
  }
  return checked;
}

/** The server knows the schema, fills in its defaults, and says whether the name is free. */
export async function withDefaults(
  client: KubeHttpClient,
  input: MPDClusterInput,
  signal: AbortSignal,
): Promise<MPDCluster> {
  const { namespace = 'default', name = '' } = input.metadata;
  try {
    return (await client.dryRunCreate(ClusterInputs, input, signal)) as MPDCluster;
  } catch (error) {
    if (!isStackError(error, 'AlreadyExists')) throw error;
    throw new StackError('AlreadyExists', `cluster ${namespace}/${name} exists already`, { cause: error });
  }
}

function withoutServerFields(cluster: MPDCluster): MPDCluster {
  const { uid: _, resourceVersion: __, creationTimestamp: ___, generation: ____, ...metadata } = cluster.metadata;
  return { ...cluster, metadata };
}
