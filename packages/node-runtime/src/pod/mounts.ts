import { chmod, chown, mkdir, rm, stat } from 'node:fs/promises';
import { join, posix, relative } from 'node:path';
import { StackError } from '@polarstack/base';
import type { Container, HostPathVolumeSource, Pod, Volume } from 'kubernetes-types/core/v1.js';
import { type Layout, podVolume } from '../layout.ts';
import type { RuntimeUser } from '../types.ts';
import { linkAt, lookAt, makeFolderAt, type Place, partsOf } from './safe-folder.ts';

/** Where a volume of a pod lies on this machine. */
export interface VolumeFolder {
  readonly name: string;
  readonly path: string;
  /** `api`: filled from the API and replaced as a whole; `scratch`: gone with the pod; `persistent`: outlives it. */
  readonly kind: 'api' | 'scratch' | 'persistent' | 'host';
  /** The folder above `path` from which on containers may write. Default: `path` itself. */
  readonly anchor?: string;
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
  const anchor = context.layout.node(context.node);
  const place = { anchor, parts: partsOf(relative(anchor, path)) };
  switch (source.type ?? '') {
    case '':
    case 'DirectoryOrCreate':
      if ((await lookAt(place, { mode: 0o755 })) === 'nothing') {
        await makeFolderAt(place, { mode: 0o700, user: context.user });
      }
      return path;
    case 'Directory':
      if ((await lookAt(place)) !== 'folder') {
        throw new StackError('MountFailed', `hostPath ${source.path} is not a folder`);
      }
      return path;
    case 'File':
      if ((await lookAt(place)) !== 'file') {
        throw new StackError('MountFailed', `hostPath ${source.path} is not a file`);
      }
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
  if (volume.hostPath) {
    const anchor = context.layout.node(context.node);
    return { name, path: await hostPathFolder(volume.hostPath, context), kind: 'host', anchor };
  }
  if (volume.emptyDir) {
    await ownFolder(own, context.user);
    return { name, path: own, kind: 'scratch' };
  }
  throw new StackError('InvalidPod', `volume ${name} is of a kind that is not supported`);
}

/** Absolute, without a slash at its end; as at `/`, what leads further up leads nowhere. */
const mountPoint = (path: string): string => posix.resolve('/', `./${path}`);
const depth = (path: string): number => path.split('/').filter(Boolean).length;

/** A mount that is made: where the container sees it, and where its content lies. */
interface Mounted {
  readonly at: string;
  readonly content: Place;
  readonly isApi: boolean;
}

/** Where a mount's content lies; the folder that a `subPath` names is made where it is missing. */
async function mountContent(
  volume: VolumeFolder,
  subPath: readonly string[],
  user: RuntimeUser | undefined,
): Promise<Place> {
  const anchor = volume.anchor ?? volume.path;
  const place = { anchor, parts: [...partsOf(relative(anchor, volume.path)), ...subPath] };
  if (subPath.length === 0 || volume.kind === 'api') return place; // links inside the latter are ours
  const own = { mode: 0o700, user };
  if ((await lookAt(place, own)) === 'nothing') await makeFolderAt(place, own);
  return place;
}

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
  const mounts = (container.volumeMounts ?? [])
    .map((mount) => ({ ...mount, at: mountPoint(mount.mountPath) }))
    .sort((a, b) => depth(a.at) - depth(b.at));
  const made: Mounted[] = [];
  for (const { name, at, subPath = '' } of mounts) {
    const volume = volumes.get(name);
    if (!volume) throw new StackError('InvalidPod', `container ${container.name} mounts unknown volume ${name}`);
    if (at === '/') throw new StackError('InvalidPod', `container ${container.name} cannot mount at /`);
    if (made.some((other) => other.at === at)) throw new StackError('InvalidPod', `two volumes are mounted at ${at}`);
    // Outer mounts come first, so the last one that fits is the innermost: the path goes on inside its volume.
    const outer = made.findLast((other) => at.startsWith(`${other.at}/`));
    if (outer?.isApi) {
      throw new StackError('InvalidPod', `mount ${at} lies inside a mount whose content comes from the API`);
    }
    const content = await mountContent(volume, partsOf(subPath), user);
    const within = outer?.content ?? { anchor: root, parts: [] };
    const rest = partsOf(at.slice(outer?.at.length ?? 0));
    await linkAt({ anchor: within.anchor, parts: [...within.parts, ...rest] }, join(volume.path, ...partsOf(subPath)));
    made.push({ at, content, isApi: volume.kind === 'api' });
  }
  if (user) await chown(root, user.uid, user.gid);
}

/** All containers of a pod, init containers first. */
export function allContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}
