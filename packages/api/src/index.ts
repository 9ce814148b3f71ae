export * from './crd/build.ts';
export * from './defaults.ts';
export * from './names.ts';
export type { CustomObject, Immutable, ObjectMeta } from './object.ts';
export type { ContainerRef, ExecRequest, LogRequest, PodConnector } from './pod-connector.ts';
export * from './resources.ts';
export { mpdClusterSpec } from './schema/mpd-cluster-spec.ts';
export { mpdClusterStatus } from './schema/mpd-cluster-status.ts';
export { mpdLocalVolumeSpec, mpdLocalVolumeStatus } from './schema/mpd-local-volume.ts';
export { mpdOperationSpec, mpdOperationStatus } from './schema/mpd-operation.ts';
export { mpdVolumeSpec, mpdVolumeStatus } from './schema/mpd-volume.ts';
export {
  isOperationType,
  type OperationParameters,
  type OperationType,
  operationParameters,
  operationTypes,
  parseOperationParameters,
} from './schema/operation-parameters.ts';
export type * from './types.ts';
