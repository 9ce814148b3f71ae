export * from './classes.ts';
export * from './config-map.ts';
export * from './manifests.ts';
export { nodeLookup, PORT_USAGE_PREFIX } from './node-lookup.ts';
export * from './template.ts';
export * from './versions.ts';
