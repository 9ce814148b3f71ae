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
  /** On the ConfigMap that says who is primary. */
  haRecord: `${GROUP}/ha-record`,
} as const;

export const annotations = {
  /** On a cluster: since when failover is paused, and by whom (`<time> <who>`). */
  failoverPaused: `${GROUP}/failover-paused`,
  /** On a cluster: when somebody ended a suspension of failover, and who (`<time> <who>`). */
  failoverResumed: `${GROUP}/failover-resumed`,
  /** On the rw service: the epoch whose primary it leads to. */
  epoch: `${GROUP}/epoch`,
  /** On the pod of an instance: the class that it was made for. */
  instanceClass: `${GROUP}/class`,
  /** On a cluster: the last annotation that asked for nothing that could be done, when, and why; gone with the next that could. */
  ignoredRequest: `${GROUP}/ignored-request`,
  /** On the pod of a final backup that failed: why. The next one is made when the operation is resumed. */
  backupFailed: `${GROUP}/final-backup-failed`,
  /** On a volume claim: how many bytes of the volume are in use, by whoever provides it. */
  usedBytes: `${GROUP}/used-bytes`,
} as const;

/** Values of `apsara.metric.db_ins_type`. Source: the original. */
export const instanceTypes = { primary: 'polardb_mpd_rw', replica: 'polardb_mpd_ro' } as const;

/** The labels that say what an instance is at present; they change when roles do. */
export const roleLabels = (role: 'primary' | 'replica'): Readonly<Record<string, string>> => ({
  [labels.role]: role,
  [labels.instanceType]: instanceTypes[role],
});

/**
 * What the rw service selects on: the instance itself, so that one write moves all clients, and no pod's label can move any.
 */
export const primarySelector = (cluster: string, instanceId: string): Readonly<Record<string, string>> => ({
  [labels.clusterName]: cluster,
  [labels.instanceId]: instanceId,
});

/** The one key of the HA record's ConfigMap. */
export const HA_RECORD_KEY = 'record';

/** Names of what the operator makes for a cluster `c`. */
export const names = {
  /** Pod, its instance ConfigMap, its PVC (data) and the prefix of its TLS Secret. */
  instance: (c: string, physicalId: string, instanceId: string): string => `${c}-${physicalId}-${instanceId}`,
  podTls: (pod: string): string => `${pod}-tls`,
  ca: (c: string): string => `${c}-ca`,
  /** The HA record. Source: the original, whose cluster manager keeps its state there. */
  haRecord: (c: string): string => `${c}-cmconfig`,
  client: (c: string, who: 'operator' | 'cluster-manager' | 'replicator'): string => `${c}-client-${who}`,
  account: (c: string, logicId: string, account: 'aurora' | 'replicator'): string => `${c}-${logicId}-${account}`,
  app: (c: string): string => `${c}-app`,
  /** The pod that makes the last backup before the cluster goes. */
  finalBackup: (c: string): string => `${c}-final-backup`,
  userParams: (c: string): string => `${c}-user-params`,
  runningParams: (c: string): string => `${c}-running-params`,
  /** `rw`: the primary. `ro`: replicas. `r`: any instance. */
  service: (c: string, which: 'rw' | 'ro' | 'r'): string => `${c}-${which}`,
} as const;
