import { type MPDCluster, MPDClusters } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import type { Connection } from '../connect/connect.ts';

/** The cluster of this name in the connection's namespace; a `NotFound` that says which there are. */
export async function getCluster(connection: Connection, name: string, signal: AbortSignal): Promise<MPDCluster> {
  const { client, namespace } = connection;
  try {
    return await client.get(MPDClusters, { namespace, name }, signal);
  } catch (error) {
    if (!isStackError(error, 'NotFound')) throw error;
    const { items } = await client.list(MPDClusters, {}, signal);
    const known = items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    const elsewhere = items.find(({ metadata }) => metadata.name === name)?.metadata.namespace;
    throw new StackError('NotFound', `there is no cluster ${name} in namespace ${namespace}`, {
      cause: error,
      remedy:
        elsewhere !== undefined
          ? `There is one in namespace ${elsewhere}: add -n ${elsewhere}.`
          : known.length > 0
            ? `There are: ${known.slice(0, 10).join(', ')}${known.length > 10 ? ', ...' : ''}.`
            : 'There are no clusters; `polarstack create` makes one.',
    });
  }
}
