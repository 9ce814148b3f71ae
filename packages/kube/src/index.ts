export type { DeleteOptions, KubeClient, ListOptions, ObjectKey, Patch, WatchEvent } from './client.ts';
export type { CredentialSource, Credentials, KubeConnection } from './connection.ts';
export {
  type Controller,
  type ControllerOptions,
  type ControllerSource,
  createController,
  type ReconcileResult,
  source,
} from './controller.ts';
export { createKubeClient, type KubeHttpClient } from './create-client.ts';
export {
  createLeaderElector,
  electionTimes,
  type LeaderElector,
  type LeaderElectorOptions,
} from './elect-leader.ts';
export {
  createEventRecorder,
  type EventRecord,
  type EventRecorder,
  type EventRecorderOptions,
} from './event-recorder.ts';
export { execInPod } from './exec.ts';
export { inClusterConfig } from './in-cluster.ts';
export type { IndexFunction } from './indexes.ts';
export { type Change, type ChangeHandler, createInformer, type Informer, type InformerOptions } from './informer.ts';
export { type KubeconfigOptions, loadKubeconfig } from './kubeconfig.ts';
export { leaderClient } from './leader-client.ts';
export type { ElectionTimes } from './leader-election.ts';
export { type KubeObject, type ObjectMeta, type OwnerReference, objectKey, parseKey, type Resource } from './object.ts';
export { controllerOf, isOwnedBy, ownerReference } from './owner.ts';
export { apiVersionOf, queryString, resourcePath } from './paths.ts';
export {
  createReflector,
  type Reflector,
  type ReflectorOptions,
  type ReflectorSink,
  type ReflectorStats,
} from './reflector.ts';
export * from './resources.ts';
export { type RetryWatchOptions, retryWatch } from './retry-watch.ts';
export { kubeTime, microTime } from './time.ts';
export { type UpdateOptions, updateWithRetry } from './update.ts';
export { createWorkQueue, type WorkQueue, type WorkQueueOptions } from './work-queue.ts';
