import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the environment tells the tests. */
export const config = {
  /** Parts that must be present; see `missing`. */
  required: (process.env.REQUIRE ?? '').split(',').filter((part) => part !== ''),
  /** Parts that are treated as missing although they may be there. */
  leftOut: (process.env.LEAVE_OUT ?? '').split(',').filter((part) => part !== ''),
  /** Seed of randomized tests; printed by each, set to repeat a run. */
  seed: process.env.SEED === undefined ? undefined : Number(process.env.SEED),
  /** How many random walks `tests/walks` takes; unset: one short one. */
  walks: process.env.WALKS === undefined ? undefined : Number(process.env.WALKS),
  /** Changes in each random walk. */
  walkSteps: process.env.WALK_STEPS === undefined ? undefined : Number(process.env.WALK_STEPS),
  /** Folder with the programs of a Kubernetes control plane, as envtest names it. */
  kubebuilderAssets: process.env.KUBEBUILDER_ASSETS,
  /** Where `make kube-assets` keeps what it built, one folder a version. */
  kubeCache: join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'polarstack', 'kube'),
  /** Where the programs of tests/clients are kept, one folder a content. */
  clientCache: join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'polarstack', 'clients'),
  /** For programs of Go: no other version of itself is downloaded. */
  goEnvironment: { ...process.env, GOTOOLCHAIN: 'local' },
  /** Where envtest keeps its downloads. */
  envtestFolders: [
    '/usr/local/kubebuilder/bin',
    join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share'), 'kubebuilder-envtest/k8s'),
  ],
  path: (process.env.PATH ?? '').split(':').filter((folder) => folder !== ''),
};
