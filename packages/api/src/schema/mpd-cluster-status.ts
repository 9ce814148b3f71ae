import { z } from 'zod';
import { conditions, count, flag, moment, optional, text, time, word } from './fields.ts';
import {
  classInfo,
  durability,
  engine,
  floatingIP,
  initdb,
  localStore,
  network,
  versionInfo,
} from './mpd-cluster-spec.ts';

/** `className` may be empty in what the original writes. */
const classInfoSeen = classInfo.partial().extend({ className: text('Name of the class.') });

const instanceState = z.object({
  state: text('PENDING, STARTING, RUNNING, STOPPING, STOPPED or FAILED.'),
  reason: text('Why it is in that state.'),
  errorInfo: text('What went wrong.'),
  startAt: time('When the state began.'),
  finishAt: time('When the state ended.'),
});

const netInfo = z.object({
  netType: text('Kind of network: host, or pod for the network of the pods.'),
  workingPort: count('Port of the engine.'),
  workingHostIP: text('Address at which the engine listens.'),
  enableWorkingAdminIP: flag('Whether it also listens on the admin network.'),
  workingAdminIP: text('Its address in the admin network.'),
  agentPort: count('Port of the agent.'),
});

const engineSeen = z.object({
  pid: count("Process id of the engine's first process, as its agent sees it."),
  dataDir: text('Data directory of the engine.'),
  version: text('Version that the engine reports, major.minor.'),
  startedAt: moment('When the engine started.'),
  pendingRestart: optional(z.array(z.string()), 'Parameters whose new values wait for a restart.'),
});

const instance = z.object({
  physicalInsId: text('Id of the place in the cluster; it stays when the instance is rebuilt or moved.'),
  insId: text('Id of this incarnation; the key of the map.'),
  insName: text('The first insId of the place.'),
  podName: text('Its pod: <cluster>-<physicalInsId>-<insId>.'),
  podNameSpace: text('Namespace of the pod.'),
  nodeName: text('The node it runs on.'),
  hostClientIP: text('Address for clients.'),
  polarFsHostId: text('Its host id in PolarFS.'),
  installed: flag(
    'Whether it belongs to the cluster: its data directory has been made. false: an operation is making or removing it.',
  ),
  operation: text('While it is being made: the operation and step that do it.'),
  insType: word(['rw', 'ro', 'tempro'], 'What it is meant to be.'),
  role: text('What the engine says it is: primary or replica.'),
  status: text('Not used (the original).'),
  versionInfo: optional(versionInfo, 'Its version.'),
  insClassInfo: optional(classInfoSeen, 'Its class.'),
  netInfo: optional(netInfo, 'Its place in the network.'),
  currentState: optional(instanceState, 'The state it is in.'),
  lastState: optional(instanceState, 'The state it was in before.'),
  lsn: text('RW: the position of its log. RO: up to where it has replayed.'),
  receivedLsn: text('RO: up to where it has received and flushed the log.'),
  lagBytes: count('RO: how far its replay is behind the RW, in bytes.'),
  streaming: flag('RO: whether it streams from the RW.'),
  timeline: count('Timeline of the engine.'),
  systemId: text('System identifier of its data directory.'),
  ready: flag('Whether its pod is ready.'),
  observedAt: moment('When role, positions and engine were seen.'),
  engine: optional(engineSeen, "The engine's process, as its agent reports it."),
});

const endpoint = (description: string) =>
  optional(
    z.object({
      host: text('Address to connect to.'),
      port: count('Port to connect to.'),
      service: text('Name of the Service, in the namespace of the cluster.'),
    }),
    description,
  );

const appliedSpec = z.object({
  parameters: optional(z.record(z.string(), z.string()), 'Engine parameters that the user set.'),
  localStore: optional(localStore, 'The volumes of the instances.'),
  initdb: optional(initdb, 'How the data directory was made.'),
  netCfg: optional(network, 'Network of the cluster.'),
  durability: optional(durability, 'When a commit counts as done.'),
  engine: optional(engine, 'The engine that was asked for.'),
  versionCfg: optional(versionInfo, 'The minor version that was asked for.'),
});

export const mpdClusterStatus = z
  .object({
    clusterStatus: text('State of the cluster: Init, Creating, Running, Interrupt, ...'),
    observedGeneration: count('The generation of the spec that this status speaks of.'),
    followerNum: count('How many RO instances there are.'),
    selector: text('Label selector of the pods, for the scale subresource.'),
    insClassInfo: optional(classInfoSeen, 'The class that the instances have.'),
    engine: optional(
      z.object({
        type: text('The engine: polardb or postgres.'),
        version: text('Major version; it stays what it was at creation until an upgrade.'),
        image: text('Image of the engine.'),
      }),
      'The engine that was chosen.',
    ),
    appliedSpec: optional(
      appliedSpec,
      'What the instances were made with, recorded together with their ids. A spec that differs is not accepted until there is an operation for the change.',
    ),
    instances: text('Ready instances of all, e.g. 3/3.'),
    floatingIP: optional(floatingIP, 'The address that follows the RW.'),
    localVolName: text('The MPDLocalVolume in use.'),
    leaderInstanceId: text('insId of the RW.'),
    leaderInstanceHost: text('Node of the RW.'),
    logicId: text('Id of the cluster; the first that was allocated to it.'),
    epoch: count('Epoch of the current RW; it grows with each change of the RW.'),
    systemId: text('System identifier of the database.'),
    dbInstanceStatus: optional(z.record(z.string(), instance), 'The instances, by insId.'),
    endpoints: optional(
      z.object({
        rw: endpoint('The RW.'),
        ro: endpoint('The ROs.'),
        r: endpoint('Any instance.'),
      }),
      'Where to connect.',
    ),
    clusterManagerStatus: optional(
      z.object({
        workingPort: count("The cluster manager's HTTP port."),
        deployName: text('Its Deployment.'),
      }),
      'The cluster manager.',
    ),
    proxyStatus: optional(
      z.object({
        workingPort: count('Port of the proxy.'),
        maxScaleName: text('Its name.'),
        maxScaleNameSpace: text('Its namespace.'),
        workingAddr: optional(z.array(netInfo), 'Where it listens.'),
      }),
      'The proxy.',
    ),
    currentOperation: text('Name of the MPDOperation under way.'),
    conditions: conditions(
      'Accepted: the spec can be carried out. Ready: RW and all ROs work. Available: the RW accepts writes. Progressing: an operation is under way. Degraded: something is missing.',
    ),
  })
  .describe('What was seen, and when.');
