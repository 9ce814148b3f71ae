export * from './classes.ts';
export * from './config-map.ts';
export * from './manifests.ts';
export * from './template.ts';
export * from './versions.ts';
