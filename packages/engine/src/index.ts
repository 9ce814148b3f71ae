export type * from './driver.ts';
export { readIfThere, removeDurably, syncFolder, writeDurably } from './durable-file.ts';
export { type Binaries, findBinaries, NEWEST_MAJOR, OLDEST_MAJOR } from './postgres/binaries.ts';
export { checkParameters } from './postgres/check-parameters.ts';
export { createPostgresDriver } from './postgres/driver.ts';
export { type Layout, REPLICATOR, SLOT_PREFIX, SUPERUSER, type TlsFiles } from './postgres/layout.ts';
export { isStackOwned } from './postgres/settings.ts';
export { bootId, isAlive, processStat } from './process/proc.ts';
