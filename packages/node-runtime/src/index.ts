export { POWER_ANNOTATION } from './cluster/node-power.ts';
export { CLASS_NAME } from './cluster/volumes.ts';
export { findProcesses, type ProcessScope } from './process/find-processes.ts';
export { type KillOptions, killAll } from './process/kill-all.ts';
export {
  identify,
  isAlive,
  type ProcessEntry,
  type ProcessIdentity,
  readBootId,
  readProcess,
  readProcessTable,
} from './process/process-table.ts';
export { type NodeRuntime, startNodeRuntime } from './runtime.ts';
export type { ImageSpec, NodeRuntimeOptions, NodeSpec, RuntimeUser } from './types.ts';
