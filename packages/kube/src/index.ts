export type { DeleteOptions, KubeClient, ListOptions, ObjectKey, Patch, WatchEvent } from './client.ts';
export type { KubeObject, ObjectMeta, OwnerReference, Resource } from './object.ts';
export * from './resources.ts';
