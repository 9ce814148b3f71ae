import { z } from 'zod';
import { flag, integer, optional, quantity, ruled, text, word } from './fields.ts';

/** A TCP port that somebody chooses; 0 is what programs of the original write for "not set". */
const chosenPort = (description: string) =>
  optional(
    z
      .int()
      .min(0)
      .max(65535)
      .meta(
        ruled('', {
          rule: 'self == 0 || self >= 1024',
          message: 'must be between 1024 and 65535',
        }),
      ),
    description,
  );

export const classInfo = z.object({
  className: z.string().min(1).describe('Name of the instance class: the label classKey of its ConfigMaps.'),
  cpu: text('Informational.'),
  memory: text('Informational.'),
  iops: text('Informational.'),
});

/** As {@link classInfo}, but an empty class name is allowed: nothing to change. */
const classInfoModifyTo = classInfo.extend({
  className: text('The class to change to. Empty or absent: no change.'),
});

export const versionInfo = z.object({
  versionName: text('Name of the minor version in the catalog; the suffix of its ConfigMap.'),
  engineImage: text('Image of the engine. Filled by the operator from the version catalog.'),
  managerImage: text('Image of the manager container. Filled by the operator.'),
  clusterManagerImage: text('Image of the cluster manager. Filled by the operator.'),
  pfsdImage: text('Image of the PolarFS daemon. Filled by the operator.'),
  pfsdToolImage: text('Image of the PolarFS tools. Filled by the operator.'),
  otherImages: optional(z.record(z.string(), z.string()), 'Further images, by container name.'),
});

export const floatingIP = z.object({
  ipAddressCfgType: word(['auto', 'manual'], 'auto: the stack chooses the address. manual: ipAddress is used.'),
  ipAddress: text('The address.'),
  mask: z.int().min(0).max(128).describe('Length of the network prefix, in bits.').exactOptional(),
  gateWay: text('Gateway of the network.'),
  basedNetIf: text('Network interface that carries the address.'),
  ipMode: word(
    ['VirtualIF', 'MultiIP'],
    'VirtualIF: an interface of its own. MultiIP: one more address of basedNetIf.',
  ),
});

const shareStore = z.object({
  drive: z.enum(['', 'pvc', 'wwid']).describe('pvc: a PVC made beforehand. wwid: a volume named by its WWID.'),
  sharePvcName: text('The PVC that holds the volume.'),
  sharePvcNamespace: text('Its namespace; the namespace of the cluster is what counts.'),
  volumeId: text('Id (WWID) of the volume; its device is /dev/mapper/<volumeId>.'),
  volumeType: text('Kind of the volume, for the storage controller: multipath or lun.'),
  diskQuota: text('Megabytes that the engine may use.'),
  shareVolumeWWID: text('With drive wwid: the WWID of the volume.'),
  isVolumeFormat: flag('With drive wwid: whether to format the volume.'),
  volumeFormat: text('With isVolumeFormat: the file system, default pfs.'),
});

const proxy = z.object({
  enabled: z.boolean().describe('Whether the cluster has a proxy.'),
  name: z.string().describe('Name of the proxy.'),
  resourceType: z.enum(['', 'stand', 'high', 'low']).describe('Size of the proxy.'),
  consistencyLevel: z.int().describe('Level of session consistency.'),
});

export const network = z.object({
  netType: word(['host'], 'Kind of network. host is the only one of the original.'),
  engineStartPort: chosenPort(
    'Asks for the network of the host, with this one port for every engine of the cluster. Absent: the pod network and port 5432.',
  ),
  engineAddress: text('Interface or address of the engines; default the client network of the node.'),
  proxyStartPort: chosenPort('First port of the proxies.'),
  proxyNetIF: text('Interface or address of the proxies.'),
  portStep: integer('How far apart ports on one node are; at most 100, below 0 means 5.'),
  enableEngineAdminIP: flag('Whether the engines also listen on the admin network.'),
  enableProxyAdminIP: flag('Whether the proxies also listen on the admin network.'),
  leaderFloatingIP: optional(floatingIP, 'An address that follows the RW instance.'),
});

export const engine = z.object({
  type: optional(
    z.enum(['polardb', 'postgres']),
    'The engine. Default: polardb for shared storage, postgres for local storage. Cannot be changed.',
  ),
  version: optional(
    z
      .string()
      .max(16)
      .regex(/^[1-9][0-9]?(\.[0-9]{1,4}){0,2}$/),
    'Version of the engine, e.g. "15" or "15.18". Default: the newest in the version catalog.',
  ),
});

export const durability = z
  .object({
    mode: z
      .enum(['async', 'sync'])
      .default('async')
      .describe('sync: a commit is acknowledged when minSync replicas have it. async: when the RW has it.'),
    minSync: z
      .int()
      .min(0)
      .max(15)
      .default(1)
      .describe('With mode sync: how many replicas must have a commit before it is acknowledged.'),
  })
  .meta(
    ruled('', {
      rule: "self.mode != 'sync' || self.minSync >= 1",
      message: 'mode sync needs minSync of at least 1',
    }),
  );

const highAvailability = z.object({
  profile: z
    .enum(['default', 'fast', 'wan'])
    .default('default')
    .describe('How quickly silence counts as failure: default 6 s, fast 3 s, wan 15 s.'),
  mode: z
    .enum(['auto', 'manual'])
    .default('auto')
    .describe('auto: the stack fails over by itself. manual: it waits for a person.'),
  maxLossBytes: optional(
    z.int().min(0).max(1_099_511_627_776),
    'How much WAL a failover may lose where no replica has all of it and the RW cannot go on, in bytes; default 1048576, 0: none.',
  ),
  minFailoverGapSeconds: optional(
    z.int().min(0).max(86_400),
    'How long after the beginning of a failover the next one may begin by itself, in seconds; default 30.',
  ),
  maxFailovers: optional(
    z.int().min(1).max(1_000),
    'How many failovers there may be within ten minutes; beyond them failover is suspended. Default 3.',
  ),
});

const autoGrow = z.object({
  thresholdPercent: optional(
    z.int().min(50).max(99),
    'How full a volume is when all of them grow, in percent; default 85.',
  ),
  stepPercent: optional(z.int().min(5).max(200), 'By how much of their size they grow, in percent; default 20.'),
  maxSize: quantity('The size above which they do not grow by themselves, e.g. 100Gi.'),
});

export const localStore = z.object({
  size: quantity('Size of the volume of each instance, e.g. 10Gi. It can be raised, never lowered.').exactOptional(),
  storageClassName: text('StorageClass of the volumes. Default: the default class.'),
  autoGrow: optional(autoGrow, 'Lets the volumes grow by themselves when one of them gets full.'),
});

const finalBackup = z.object({
  podTemplate: z
    .string()
    .max(253)
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
    .describe('Name of a PodTemplate in the namespace of the cluster: a pod of it makes the backup.'),
  timeoutMinutes: optional(z.int().min(1).max(10_080), 'How long it may take, in minutes; default 1440.'),
});

/** A name that needs no quotes in SQL and is none of those that the stack or the engine uses itself. */
const identifier = (description: string, taken: readonly string[]) =>
  z
    .string()
    .max(63)
    .regex(/^[a-z_][a-z0-9_]*$/)
    .meta(
      ruled(description, {
        rule: `!(self in [${taken.map((name) => `'${name}'`).join(', ')}]) && !self.startsWith('pg_')`,
        message: 'is a name that the stack or the engine uses itself',
      }),
    )
    .default('app');

export const initdb = z.object({
  encoding: z
    .string()
    .min(1)
    .max(32)
    .regex(/^[A-Za-z0-9_]+$/)
    .default('UTF8')
    .describe('Character set of the databases.'),
  locale: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Za-z0-9_.@-]+$/)
    .default('C.UTF-8')
    .describe('Locale of the databases; it must exist on the nodes.'),
  dataChecksums: z.boolean().default(true).describe('Whether data pages carry checksums.'),
  database: identifier('The database that is made for the application.', ['postgres', 'template0', 'template1']),
  owner: identifier('The role that owns it; its password is in Secret <cluster>-app.', [
    'postgres',
    'aurora',
    'replicator',
  ]),
});

const additionalResources = z.object({
  cpu_cores: quantity('CPU limit.'),
  limit_memory: quantity('Memory limit.'),
  config: z.string().describe('Further settings of the container.'),
});

const engineTypeOf = (self: string) =>
  `(has(${self}.engine) && has(${self}.engine.type) ? ${self}.engine.type : (${self}.dbClusterType == 'share' ? 'polardb' : 'postgres'))`;

export const mpdClusterSpec = z
  .object({
    operatorName: z
      .string()
      .default('polar-mpd')
      .describe('Name of the operator that looks after the cluster; others ignore it.'),
    dbClusterType: z
      .enum(['share', 'local'])
      .meta(ruled('', { rule: 'self == oldSelf', message: 'cannot be changed' }))
      .describe('share: all instances on one volume. local: each instance has a copy of its own. Cannot be changed.'),
    dbType: text('Kind of database (the original; not used).'),
    description: text('Free text.'),
    followerNum: z.int().min(0).max(15).describe('How many RO instances stand beside the RW.'),
    classInfo: classInfo.describe('Size of the instances.'),
    classInfoModifyTo: optional(classInfoModifyTo, 'The class to change to; moved to classInfo when done.'),
    resourceAdditional: optional(
      z.record(z.string(), additionalResources),
      'Resources of further containers, by name. Written by the operator from the class.',
    ),
    localVolName: text('With dbClusterType local: name of an MPDLocalVolume.'),
    shareStore: optional(shareStore, 'With dbClusterType share: the volume.'),
    dbProxyInfo: optional(proxy, 'The proxy in front of the cluster.'),
    netCfg: optional(network, 'Network of the cluster.'),
    versionCfg: optional(versionInfo, 'The minor version and its images.'),
    versionCfgModifyTo: optional(versionInfo, 'The minor version to upgrade to; moved to versionCfg when done.'),
    engine: optional(engine, 'The database engine.'),
    durability: optional(durability, 'When a commit counts as done.'),
    ha: optional(highAvailability, 'High availability.'),
    localStore: optional(localStore, 'With dbClusterType local: the volumes of the instances.'),
    parameters: optional(
      z.record(z.string(), z.string().max(4096)).meta({ maxProperties: 400 }),
      'Engine parameters, name to value, e.g. work_mem: 8MB. They go before those of the class and of the template.',
    ),
    initdb: optional(
      initdb.meta(ruled('', { rule: 'self == oldSelf', message: 'cannot be changed once the cluster exists' })),
      'How the data directory is made. Cannot be changed.',
    ),
    deletionProtection: z
      .boolean()
      .default(false)
      .describe('true: the cluster cannot be deleted until this is false again.'),
    finalBackup: optional(finalBackup, 'A backup without which the cluster is not deleted.'),
  })
  .meta(
    ruled(
      'What the user wants.',
      {
        rule: "!has(self.durability) || self.durability.mode != 'sync' || self.durability.minSync <= self.followerNum",
        message: 'durability.minSync cannot be greater than followerNum',
      },
      {
        rule: `${engineTypeOf('self')} == ${engineTypeOf('oldSelf')}`,
        message: 'engine.type cannot be changed',
      },
      {
        rule: "self.dbClusterType != 'share' || !has(self.engine) || !has(self.engine.type) || self.engine.type == 'polardb'",
        message: 'dbClusterType share needs engine.type polardb',
      },
      {
        rule: "self.dbClusterType != 'share' || has(self.shareStore)",
        message: 'dbClusterType share needs shareStore',
      },
      {
        rule: 'has(self.initdb) == has(oldSelf.initdb)',
        message: 'initdb cannot be added or removed once the cluster exists',
      },
    ),
  );
