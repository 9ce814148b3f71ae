import type { MPDCluster } from '@polarstack/api';
import { initdbOptions } from '@polarstack/api';
import { StackError } from '@polarstack/base';

/** Engine and agent ports of every instance. `host`: the network of the node, so one instance a node. */
export interface ClusterPorts {
  readonly host: boolean;
  readonly enginePort: number;
  readonly agentPort: number;
}

/** What was decided about a cluster when its ids were allocated: read from the status alone, and so stable. */
export interface ClusterFacts {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly logicId: string;
  readonly engineType: 'postgres' | 'polardb';
  readonly image: string;
  readonly ports: ClusterPorts;
}

/** The facts of a cluster whose ids are recorded; throws `Internal` for one that has none yet. */
export function clusterFacts(cluster: MPDCluster): ClusterFacts {
  const { name, namespace, uid } = cluster.metadata;
  const { status } = cluster;
  const [instance] = Object.values(status?.dbInstanceStatus ?? {});
  const net = instance?.netInfo;
  const image = status?.engine?.image;
  if (!name || !namespace || !uid || !status?.logicId || !image || !net?.workingPort || !net.agentPort) {
    throw new StackError('Internal', `cluster ${namespace}/${name} has no recorded ids yet`);
  }
  return {
    name,
    namespace,
    uid,
    logicId: status.logicId,
    engineType: status.engine?.type === 'polardb' ? 'polardb' : 'postgres',
    image,
    ports: { host: net.netType === 'host', enginePort: net.workingPort, agentPort: net.agentPort },
  };
}

/** Name and owner of the database made for the application. */
export function appDatabase(cluster: Pick<MPDCluster, 'spec'>): { readonly name: string; readonly owner: string } {
  const { database, owner } = initdbOptions(cluster.spec);
  return { name: database, owner };
}
