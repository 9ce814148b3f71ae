/**
 * Finds the programs of a real Kubernetes control plane.
 *
 * - A1 Of each program the first one is taken that is new enough: Kubernetes 1.28, etcd 3.5 (with 3.4 a current API
 *   server closes watches that name no version).
 * - A2 API server and controller manager are of one version: no other pair is supported by Kubernetes.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { config } from './config.ts';

export const kubePrograms = ['kube-apiserver', 'kube-controller-manager', 'etcd', 'kubectl'] as const;
export type KubeProgram = (typeof kubePrograms)[number];

/** Paths of the programs, and the version of the API server, such as `1.34.4`. */
export type KubeAssets = Readonly<Record<KubeProgram, string>> & { readonly version: string };

export type FoundKubeAssets =
  | { readonly complete: true; readonly assets: KubeAssets }
  | { readonly complete: false; readonly found: Partial<Record<KubeProgram, string>>; readonly missing: KubeProgram[] };

const lowest: Readonly<Record<KubeProgram, string>> = {
  'kube-apiserver': '1.28',
  'kube-controller-manager': '1.28',
  etcd: '3.5',
  kubectl: '1.28',
};

/** Looks in `KUBEBUILDER_ASSETS`, in our cache, in the folders of envtest and in `PATH`, in this order. */
export function findKubeAssets(folders: readonly string[] = kubeFolders()): FoundKubeAssets {
  const found: Partial<Record<KubeProgram, string>> = {};
  let version = '';
  for (const folder of folders) {
    const server = usable('kube-apiserver', join(folder, 'kube-apiserver'));
    if (server === undefined) continue;
    const beside = folders.find(
      (other) => usable('kube-controller-manager', join(other, 'kube-controller-manager')) === server,
    );
    if (beside === undefined) continue;
    version = server;
    found['kube-apiserver'] = join(folder, 'kube-apiserver');
    found['kube-controller-manager'] = join(beside, 'kube-controller-manager');
    break;
  }
  for (const program of ['etcd', 'kubectl'] as const) {
    const folder = folders.find((each) => usable(program, join(each, program)) !== undefined);
    if (folder !== undefined) found[program] = join(folder, program);
  }
  const missing = kubePrograms.filter((program) => found[program] === undefined);
  if (missing.length > 0) return { complete: false, found, missing };
  return { complete: true, assets: { ...(found as Record<KubeProgram, string>), version } };
}

function kubeFolders(): readonly string[] {
  const below = (parent: string): string[] =>
    existsSync(parent)
      ? readdirSync(parent)
          .sort((a, b) => (newEnough(a, b) ? -1 : 1))
          .map((name) => join(parent, name))
      : [];
  const [plain = '', versioned = ''] = config.envtestFolders;
  return [
    ...(config.kubebuilderAssets === undefined ? [] : [config.kubebuilderAssets]),
    ...below(config.kubeCache),
    plain,
    ...below(versioned),
    ...config.path,
  ];
}

/** The version of a program, undefined where it is missing, does not run, or is too old. */
function usable(program: KubeProgram, path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    return undefined;
  }
  const { stdout } = spawnSync(path, program === 'kubectl' ? ['version', '--client'] : ['--version'], {
    encoding: 'utf8',
  });
  const version = /v?(\d+\.\d+(?:\.\d+)?)/.exec(stdout ?? '')?.[1];
  return version !== undefined && newEnough(version, lowest[program]) ? version : undefined;
}

/** Whether version `a` is `b` or newer; text that is no version counts as 0. */
function newEnough(a: string, b: string): boolean {
  const numbers = (text: string): readonly number[] => (text.match(/\d+/g) ?? ['0']).map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
