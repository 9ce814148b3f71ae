export type { ClusterLookups, NodeLookup } from './lookups.ts';
export type { Problem } from './problem.ts';
export { validateCluster } from './validate-cluster.ts';
