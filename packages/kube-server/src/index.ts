export { type AuditPolicy, defaultAuditPolicy, parsePolicy } from './audit/policy.ts';
export { type Inspection, inspect, type Problem } from './doctor/inspect.ts';
export { type RepairReport, repair } from './doctor/repair.ts';
export { swapIn } from './doctor/swap-in.ts';
export { type KubeServer, type KubeServerOptions, startKubeServer } from './server.ts';
export type { AddressRange } from './service-addresses.ts';
export type { Decision, ObjectStore, StoredObject, StoreEvent } from './store/object-store.ts';
export { openObjectStore, type StoreOptions } from './store/open-object-store.ts';
