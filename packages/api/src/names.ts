/** The API group of every resource of the project. Source: the original's CRDs. */
export const GROUP = 'mpd.polardb.aliyun.com';
export const VERSION = 'v1';
/** Holds `status.logicId`'s cluster until its delete workflow is done. Source: the original. */
export const CLUSTER_FINALIZER = 'mpd.finalizers.polardb.aliyun.com';
/** Catalogs, templates and allocation records live here. Source: the original. */
export const SYSTEM_NAMESPACE = 'kube-system';
/** Our own system pods. */
export const STACK_NAMESPACE = 'polarstack-system';

/** Labels of pods. The `apsara.metric.*` keys are the original's contract; the others are ours. */
export const labels = {
  clusterName: 'apsara.metric.clusterName',
  instanceType: 'apsara.metric.db_ins_type',
  dbType: 'apsara.metric.db_type',
  logicName: 'apsara.metric.logic_custins_name',
  physicalName: 'apsara.metric.ins_name',
  logicId: 'apsara.metric.logic_custins_id',
  physicalId: 'apsara.metric.physical_custins_id',
  instanceId: 'apsara.metric.ins_id',
  instancePort: 'apsara.ins.port',
  /** `primary` or `replica`; what the services select on. */
  role: `${GROUP}/role`,
  /** On Secrets: the cluster they belong to. Source: the original. */
  secretCluster: 'mpdcluster_name',
  /** On everything else we make for a cluster. */
  cluster: `${GROUP}/cluster`,
} as const;

/** Names of what the operator makes for a cluster `c`. */
export const names = {
  /** Pod, its instance ConfigMap, its PVC (data) and the prefix of its TLS Secret. */
  instance: (c: string, physicalId: string, instanceId: string): string => `${c}-${physicalId}-${instanceId}`,
  podTls: (pod: string): string => `${pod}-tls`,
  ca: (c: string): string => `${c}-ca`,
  client: (c: string, who: 'operator' | 'cluster-manager' | 'replicator'): string => `${c}-client-${who}`,
  account: (c: string, logicId: string, account: 'aurora' | 'replicator'): string => `${c}-${logicId}-${account}`,
  app: (c: string): string => `${c}-app`,
  userParams: (c: string): string => `${c}-user-params`,
  runningParams: (c: string): string => `${c}-running-params`,
  /** `rw`: the primary. `ro`: replicas. `r`: any instance. */
  service: (c: string, which: 'rw' | 'ro' | 'r'): string => `${c}-${which}`,
} as const;
