import { chmod, chown, lstat, mkdir, rm, rmdir, stat, symlink } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { StackError } from '@polarstack/base';
import type { Container, HostPathVolumeSource, Pod, Volume } from 'kubernetes-types/core/v1.js';
import { type Layout, podVolume } from '../layout.ts';
import type { RuntimeUser } from '../types.ts';

/** Where a volume of a pod lies on this machine. */
export interface VolumeFolder {
  readonly name: string;
  readonly path: string;
  /** `api`: filled from the API and replaced as a whole; `scratch`: gone with the pod; `persistent`: outlives it. */
  readonly kind: 'api' | 'scratch' | 'persistent' | 'host';
}

export interface VolumeContext {
  readonly layout: Layout;
  readonly node: string;
  readonly podFolder: string;
  readonly user?: RuntimeUser;
  /** The name of the persistent volume that a claim is bound to; undefined where it is not (yet). */
  boundVolume(claim: string): Promise<string | undefined>;
}

/** A folder that the container's user owns alone. */
async function ownFolder(path: string, user: RuntimeUser | undefined): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  if (user) await chown(path, user.uid, user.gid);
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

async function hostPathFolder(source: HostPathVolumeSource, context: VolumeContext): Promise<string> {
  const path = context.layout.hostPath(context.node, source.path);
  const there = await stat(path).catch(() => undefined);
  switch (source.type ?? '') {
    case '':
    case 'DirectoryOrCreate':
      if (!there) await ownFolder(path, context.user);
      return path;
    case 'Directory':
      if (!there?.isDirectory()) throw new StackError('MountFailed', `hostPath ${source.path} is not a folder`);
      return path;
    case 'File':
      if (!there?.isFile()) throw new StackError('MountFailed', `hostPath ${source.path} is not a file`);
      return path;
    default:
      throw new StackError('InvalidPod', `hostPath type ${source.type} is not supported`);
  }
}

/**
 * Finds (and for scratch volumes makes) the folder of a volume. The folder of a claim is made by the provisioner
 * alone: where it is missing, data was lost, and an empty one in its place would hide that.
 */
export async function volumeFolder(volume: Volume, context: VolumeContext): Promise<VolumeFolder> {
  const { name } = volume;
  const own = podVolume(context.podFolder, name);
  if (volume.secret ?? volume.configMap ?? volume.downwardAPI ?? volume.projected) {
    return { name, path: own, kind: 'api' };
  }
  if (volume.persistentVolumeClaim) {
    const { claimName } = volume.persistentVolumeClaim;
    const bound = await context.boundVolume(claimName);
    if (bound === undefined) throw new StackError('MountFailed', `claim ${claimName} is not bound to a volume`);
    const path = context.layout.volume(context.node, bound);
    if (!(await isFolder(path))) {
      throw new StackError('MountFailed', `the folder of claim ${claimName} is gone: ${path}`, { details: { path } });
    }
    return { name, path, kind: 'persistent' };
  }
  if (volume.hostPath) return { name, path: await hostPathFolder(volume.hostPath, context), kind: 'host' };
  if (volume.emptyDir) {
    await ownFolder(own, context.user);
    return { name, path: own, kind: 'scratch' };
  }
  throw new StackError('InvalidPod', `volume ${name} is of a kind that is not supported`);
}

async function linkMount(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const there = await lstat(path).catch(() => undefined);
  // A mount inside an older mount meets what it left there the last time, or a folder made for it.
  if (there?.isSymbolicLink()) await rm(path);
  else if (there?.isDirectory()) await rmdir(path);
  else if (there) throw new StackError('MountFailed', `there is a file at the mount path ${path}`);
  await symlink(target, path);
}

const depth = (path: string): number => path.split('/').filter(Boolean).length;

/**
 * Builds what a container sees as `/`: a link at each mount path. Called once for a pod, before anything of it runs:
 * afterwards the tree belongs to the container's user, and we, perhaps root, do not write through it again.
 */
export async function buildRoot(
  root: string,
  container: Container,
  volumes: ReadonlyMap<string, VolumeFolder>,
  user?: RuntimeUser,
): Promise<void> {
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true, mode: 0o755 });
  const mounts = [...(container.volumeMounts ?? [])].sort((a, b) => depth(a.mountPath) - depth(b.mountPath));
  const api: string[] = [];
  for (const { name, mountPath, subPath } of mounts) {
    const volume = volumes.get(name);
    if (!volume) throw new StackError('InvalidPod', `container ${container.name} mounts unknown volume ${name}`);
    const at = posix.normalize(`/${mountPath}`);
    if (at === '/') throw new StackError('InvalidPod', `container ${container.name} cannot mount at /`);
    if (subPath?.split('/').includes('..')) throw new StackError('InvalidPod', `subPath ${subPath} leaves its volume`);
    if (api.some((outer) => at.startsWith(`${outer}/`))) {
      throw new StackError('InvalidPod', `mount ${at} lies inside a mount whose content comes from the API`);
    }
    if (volume.kind === 'api') api.push(at);
    const target = subPath ? join(volume.path, subPath) : volume.path;
    if (subPath && volume.kind !== 'api' && !(await lstat(target).catch(() => undefined))) {
      await ownFolder(target, user);
    }
    await linkMount(join(root, at), target);
  }
  if (user) await chown(root, user.uid, user.gid);
}

/** All containers of a pod, init containers first. */
export function allContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}
