export { config } from './config.ts';
export { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
export { findKubeAssets, type KubeAssets, type KubeProgram, kubePrograms } from './kube-assets.ts';
export {
  type ClusterStatus,
  createTestHome,
  exampleFile,
  type HomeStatus,
  polarstackProgram,
  processesBelow,
  type TestHome,
} from './local-home.ts';
export { clusterManifest } from './manifest.ts';
export { dataDirsOf, type PrimaryWatch, watchPrimaries, writingServer } from './primary-watch.ts';
export { randomFrom, seededRandom } from './random.ts';
export { missing, type Part } from './requirements.ts';
export { type RunOptions, type RunResult, run, runOk } from './run.ts';
export { createVirtualClock, type VirtualClock } from './virtual-clock.ts';
