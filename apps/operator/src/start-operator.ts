import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import {
  DEFAULT_OPERATOR,
  labels,
  type MPDCluster,
  MPDClusters,
  type MPDOperation,
  MPDOperations,
  SYSTEM_NAMESPACE,
} from '@polarstack/api';
import { type Clock, type Logger, systemClock, toStackError } from '@polarstack/base';
import { type AgentDirectory, defaultRetention, isFinal, type Retention, recordedMembership } from '@polarstack/domain';
import {
  type Change,
  ConfigMaps,
  createController,
  createEventRecorder,
  createInformer,
  EndpointSlices,
  type KubeClient,
  type KubeObject,
  Nodes,
  objectKey,
  Pods,
  source,
} from '@polarstack/kube';
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1.js';
import { createAgentDirectory } from './agents/agent-directory.ts';
import { createAcceptance } from './controllers/acceptance.ts';
import { announceOperation } from './controllers/announce-operation.ts';
import { createAutomation } from './controllers/automation.ts';
import { createClusterController } from './controllers/cluster-controller.ts';
import { createLookPace } from './controllers/look-pace.ts';
import { clusterOfOperation, createOperationController } from './controllers/operation-controller.ts';
import { createOperationRunner } from './controllers/operation-runner.ts';
import { createRequestTaker } from './controllers/requests.ts';
import { createSteeringAnnotations } from './controllers/steering-annotations.ts';
import { createUnrecordedDeletions } from './controllers/unrecorded-deletions.ts';
import { recordIn } from './ha/ha-record.ts';
import { createWatchedRecords } from './ha/watched-records.ts';
import { createCertificateKeeper } from './identity/maintain-certificates.ts';
import { createAllocator } from './kube/allocate.ts';
import { createCatalog } from './kube/catalog.ts';
import { clusterKey } from './kube/cluster-status-writer.ts';
import { beside, type Content, watchContent } from './mending/content.ts';
import { createObserver } from './observe/observe-cluster.ts';
import { isReady } from './observe/pod-seen.ts';
import { planNow } from './operations/prepare.ts';
import { volumeFactsOf } from './operations/volume-facts.ts';
import type { OperatorView } from './rest/context.ts';
import { defaultPatience, type Patience } from './steps/patience.ts';
import type { Services } from './steps/services.ts';

export interface OperatorOptions {
  readonly client: KubeClient;
  readonly logger: Logger;
  /** Stops the operator, as `close()` does. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** Clusters whose `spec.operatorName` is another are left alone. */
  readonly operatorName?: string;
  /** How long operations that have ended are kept. Default: the last 50 of each cluster, for 30 days. */
  readonly retention?: Retention;
  /** How long steps wait for what does not answer or stands still. */
  readonly patience?: Patience;
  /** Default: over HTTPS with the certificates of each cluster. */
  readonly agents?: AgentDirectory;
  /**
   * How many clusters, and how many operations, are looked at side by side. Default 32. It bounds the work, not those that
   * wait for agents that do not answer.
   */
  readonly concurrency?: number;
}

export interface Operator {
  /** What it knows, for its REST API. */
  readonly view: OperatorView;
  /** Stops everything; operations under way stay resumable. Resolves when nothing runs any more. */
  close(): Promise<void>;
}

/** A look that answers takes a few milliseconds; one that takes longer than this waits for something, and holds up no other. */
const HAND_OVER_MS = 250;

/** Runs the operator until the signal aborts or it is closed. Resolves when its copies of the API's objects are there. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const { client, logger, clock = systemClock, operatorName = DEFAULT_OPERATOR, concurrency = 32 } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  // Every watch, run and call under way listens to it.
  setMaxListeners(0, signal);
  const onError = (what: string) => (error: unknown) => logger.warn({ err: toStackError(error) }, what);
  const watching = { client, clock, onError: onError('a watch broke; it is resumed') };

  const clusters = createInformer({ ...watching, resource: MPDClusters });
  const operations = createInformer<MPDOperation, 'cluster'>({
    ...watching,
    resource: MPDOperations,
    indexes: { cluster: (operation) => [clusterOfOperation(operation)] },
  });
  const pods = createInformer({ ...watching, resource: Pods, labelSelector: labels.clusterName });
  const content = watchContent(watching);
  const { services } = content;
  const slices = createInformer({
    ...watching,
    resource: EndpointSlices,
    indexes: {
      service: (slice) => [`${slice.metadata?.namespace}/${slice.metadata?.labels?.['kubernetes.io/service-name']}`],
    },
  });
  const nodes = createInformer({ ...watching, resource: Nodes });
  const configMaps = createInformer({ ...watching, resource: ConfigMaps, namespace: SYSTEM_NAMESPACE });
  const informers = [clusters, operations, pods, slices, nodes, configMaps, ...Object.values(content)];

  const overHttps = createAgentDirectory(client, content.secrets);
  const agents = options.agents ?? overHttps;
  const catalog = createCatalog({ client, configMaps, nodes, clusters: () => clusters.list() });
  const events = createEventRecorder({
    client,
    component: 'polarstack-operator',
    signal,
    clock,
    onError: onError('an event could not be written'),
  });
  const records = createWatchedRecords(content.configMaps);
  const observer = createObserver({ pods, services, slices, agents, catalog });
  const stepServices: Services = {
    client,
    catalog,
    allocate: createAllocator(client),
    agents,
    pods,
    records,
    observe: observer.observe,
    events,
    clock,
    patience: options.patience ?? defaultPatience,
  };
  const isOurs = ({ spec }: MPDCluster): boolean => spec.operatorName === operatorName;
  const acceptance = createAcceptance(catalog);
  const certificates = createCertificateKeeper(stepServices, content, clock, logger);

  const automation = createAutomation({
    client,
    events,
    clock,
    volumes: (cluster) =>
      (recordedMembership(cluster)?.members ?? []).flatMap(({ pod }) => {
        const claim = content.claims.get(beside(cluster, pod));
        return claim ? [volumeFactsOf(claim, [])] : [];
      }),
  });

  const forget = (cluster: MPDCluster): void => {
    const uid = cluster.metadata.uid ?? '';
    automation.forget(uid);
    acceptance.forget(uid);
    certificates.forget(uid);
    observer.forget(cluster);
    agents.forget({ namespace: cluster.metadata.namespace ?? 'default', name: cluster.metadata.name ?? '' });
  };

  const runner = createOperationRunner({
    services: stepServices,
    logger,
    signal,
    clock,
    onEnd: (key, againMs) => {
      if (againMs === undefined) operationController.queue.add(key);
      else operationController.queue.addAfter(key, againMs);
    },
    observe: (event) => {
      const { type, id, step } = event;
      logger.info({ operation: id, step, type }, 'operation');
      const operation = operations.get(id);
      announceOperation(events, operation, operation && clusters.get(clusterOfOperation(operation)), event);
    },
  });

  const deletions = createUnrecordedDeletions({
    services: stepServices,
    logger,
    signal,
    clock,
    onEnd: (key) => clusterController.queue.add(key),
    observe: ({ type, id, step }) => logger.info({ deletion: id, step, type }, 'deletion'),
  });

  const siblings = (operation: MPDOperation) => operations.byIndex('cluster', clusterOfOperation(operation));
  const operationController = createController({
    sources: [
      source(operations, (change) => [objectKey(change.object), ...waitingFor(change, siblings(change.object))]),
      source(clusters, ({ object }) =>
        operations
          .byIndex('cluster', objectKey(object))
          .filter((operation) => !isFinal(operation))
          .map(objectKey),
      ),
    ],
    reconcile: createOperationController({
      client,
      services: stepServices,
      clusters,
      operations,
      runner,
      events,
      clock,
      isOurs,
      retention: options.retention ?? defaultRetention,
    }),
    concurrency,
    handOverMs: HAND_OVER_MS,
    // Each operation is a key of its own, new and soon gone: what is known of its cluster tells more than its own past.
    willWait: (key) => {
      const operation = operations.get(key);
      const cluster = operation && clusters.get(clusterOfOperation(operation));
      return cluster !== undefined && observer.isSilent(cluster);
    },
    onError: (error, key) => logger.warn({ err: toStackError(error), operation: key }, 'an operation is tried again'),
  });

  const clusterController = createController({
    sources: [
      source(clusters, ({ type, object }) => {
        if (type !== 'DELETED') return [objectKey(object)];
        forget(object);
        deletions.forget(object.metadata.uid ?? '');
        // A port that it held may be what another waits for.
        return rejected(clusters.list());
      }),
      source(operations, (change) => (isNews(change) ? [clusterOfOperation(change.object)] : [])),
      source(pods, (change) => (podChanged(change) ? clusterOfLabels(change.object, labels.cluster) : [])),
      source(slices, ({ object: { metadata } }) => {
        const service = services.get(`${metadata?.namespace}/${metadata?.labels?.['kubernetes.io/service-name']}`);
        return service ? clusterOfLabels(service, labels.cluster) : [];
      }),
      ...contentSources(content),
      // What a rejected spec waits for may have come.
      source(configMaps, () => rejected(clusters.list())),
      source(nodes, ({ type }) => (type === 'MODIFIED' ? [] : rejected(clusters.list()))),
    ],
    reconcile: createClusterController({
      services: stepServices,
      clusters,
      operations,
      runner,
      deletions,
      acceptance,
      certificates,
      content,
      automation,
      takeRequest: createRequestTaker({ client, events, clock, nonce }),
      steeringAnnotations: createSteeringAnnotations({ client, events, clock, nonce }),
      forget,
      isOurs,
      pace: createLookPace(() => clusters.list().length),
      clock,
      logger,
    }),
    concurrency,
    handOverMs: HAND_OVER_MS,
    onError: (error, key) => logger.warn({ err: toStackError(error), cluster: key }, 'a cluster is looked at again'),
  });

  const watches = informers.map(async (informer) => await informer.start(signal));
  const running = Promise.all([operationController.run(signal), clusterController.run(signal), ...watches]);
  running.catch(onError('the operator stopped'));
  await Promise.race([Promise.all(informers.map(({ synced }) => synced)), running]);
  logger.info({ clusters: clusters.list().length }, 'operator started');

  return {
    view: {
      clusters,
      operations,
      switches: (cluster) => records.of(clusterKey(cluster)),
      plan: async (operation, cluster, within) => await planNow(operation, cluster, stepServices, within),
    },
    close: async () => {
      stop.abort();
      await running;
      await Promise.all([runner.idle(), deletions.idle()]);
      await events.flush();
      overHttps.close();
    },
  };
}

/**
 * Operations whose turn, or whose place in the queue, the change of another may be: those that have not begun, where one
 * comes, stops, goes on or ends. A deleted one may make another the next to be pruned.
 */
function waitingFor(change: Change<MPDOperation>, siblings: readonly MPDOperation[]): readonly string[] {
  if (!isNews(change)) return [];
  const concerned = change.type === 'DELETED' ? siblings : siblings.filter((operation) => !isFinal(operation));
  return concerned.map(objectKey);
}

const nonce = (): string => randomBytes(3).toString('hex');

/** Steps of an operation are its own business; phases are the cluster's too. */
function isNews(change: Change<MPDOperation>): boolean {
  return change.type !== 'MODIFIED' || change.object.status?.phase !== change.previous.status?.phase;
}

function podChanged(change: Change<Pod>): boolean {
  if (change.type !== 'MODIFIED') return true;
  const face = (pod: Pod) =>
    JSON.stringify([
      isReady(pod),
      pod.status?.phase,
      pod.status?.podIP,
      pod.metadata?.deletionTimestamp,
      pod.metadata?.labels,
      pod.metadata?.ownerReferences,
      pod.spec?.containers.map(({ image }) => image),
    ]);
  return face(change.object) !== face(change.previous);
}

/** What is gone of a cluster, or was changed by somebody, is looked at at once. */
function contentSources({ services, claims, configMaps, secrets }: Content) {
  const changed =
    <T extends KubeObject>(label: string) =>
    (change: Change<T>) =>
      change.type === 'ADDED' ? [] : clusterOfLabels(change.object, label);
  return [
    source(services, changed(labels.cluster)),
    source(claims, changed(labels.cluster)),
    source(configMaps, (change) => (isStep(change) ? [] : changed(labels.cluster)(change))),
    source(secrets, changed(labels.secretCluster)),
  ];
}

/** The steps of a switch are the cluster manager's; who is primary, who is a member and whether one stands are ours too. */
function isStep(change: Change<ConfigMap>): boolean {
  if (change.type !== 'MODIFIED' || change.object.metadata?.labels?.[labels.haRecord] === undefined) return false;
  const face = (object: ConfigMap): string => {
    try {
      const { epoch, primary, members, switch: running } = recordIn(object);
      return JSON.stringify([epoch, primary, members, running === undefined, object.metadata?.labels]);
    } catch {
      // Somebody broke it: that is looked at.
      return object.metadata?.resourceVersion ?? '';
    }
  };
  return face(change.object) === face(change.previous);
}

function clusterOfLabels({ metadata }: KubeObject, label: string): readonly string[] {
  const name = metadata?.labels?.[label];
  return name ? [`${metadata?.namespace ?? 'default'}/${name}`] : [];
}

const rejected = (clusters: readonly MPDCluster[]): readonly string[] =>
  clusters
    .filter(({ status }) =>
      status?.conditions?.some(({ type, status: value }) => type === 'Accepted' && value === 'False'),
    )
    .map(objectKey);
