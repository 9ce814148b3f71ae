export { type ClusterManager, type ClusterManagerOptions, startClusterManager } from './start.ts';
