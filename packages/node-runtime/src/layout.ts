import { join } from 'node:path';
import { StackError } from '@polarstack/base';

/** Names one pod for ever: a name may be used again, a uid is not. */
export interface PodId {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Where everything of a node lies. All paths are absolute and free of symbolic links. */
export interface Layout {
  readonly home: string;
  node(node: string): string;
  pods(node: string): string;
  pod(node: string, pod: PodId): string;
  volumes(node: string): string;
  /** The folder of a persistent volume. */
  volume(node: string, volume: string): string;
  /** Where a pod's `hostPath` lies. Throws `InvalidPod` for paths that would reach the runtime's own folders. */
  hostPath(node: string, path: string): string;
}

/** Folders of one container below its pod's folder. */
export interface ContainerPaths {
  readonly folder: string;
  /** What the container sees as `/` through POLARSTACK_ROOT. */
  readonly root: string;
  /** The keeper's records. */
  readonly state: string;
  /** The log of the container's run number `run` (from 1). */
  log(run: number): string;
}

const safe = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

function part(value: string): string {
  if (!safe.test(value)) throw new StackError('InvalidPod', `${JSON.stringify(value)} cannot be part of a path`);
  return value;
}

export function createLayout(home: string): Layout {
  const node = (name: string): string => join(home, 'nodes', part(name));
  return {
    home,
    node,
    pods: (name) => join(node(name), 'pods'),
    pod: (name, pod) => join(node(name), 'pods', `${part(pod.namespace)}_${part(pod.name)}_${part(pod.uid)}`),
    volumes: (name) => join(node(name), 'volumes'),
    volume: (name, volume) => join(node(name), 'volumes', part(volume)),
    hostPath(name, path) {
      const parts = path.split('/').filter((piece) => piece !== '' && piece !== '.');
      const [first] = parts;
      if (first === undefined || parts.includes('..') || first === 'pods' || first === 'volumes') {
        throw new StackError('InvalidPod', `hostPath ${JSON.stringify(path)} is not available on ${name}`);
      }
      return join(node(name), ...parts);
    },
  };
}

/** Where the volumes of a pod lie that are its own. */
export const podVolumes = (podFolder: string): string => join(podFolder, 'volumes');

/** Throws `InvalidPod` for a name that is a path: pods that were stored before the API checked it still come. */
export const podVolume = (podFolder: string, volume: string): string => join(podVolumes(podFolder), part(volume));

export function containerPaths(podFolder: string, container: string): ContainerPaths {
  const folder = join(podFolder, part(container));
  return {
    folder,
    root: join(folder, 'root'),
    state: join(folder, 'state'),
    log: (run) => join(folder, `${run - 1}.log`),
  };
}

/** Takes a pod's folder name apart; undefined for names that are not ours. */
export function parsePodFolder(name: string): PodId | undefined {
  const [namespace, pod, uid, ...rest] = name.split('_');
  if (!namespace || !pod || !uid || rest.length > 0) return undefined;
  return { namespace, name: pod, uid };
}
