import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { StackError } from '@polarstack/base';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { containerPaths, type Layout, type PodId, podVolume, podVolumes } from '../layout.ts';
import type { RuntimeUser } from '../types.ts';
import { completeAtomicVolume, readAtomicVolume, type VolumeFile, writeAtomicVolume } from './atomic-volume.ts';
import type { DownwardFacts, EnvironmentSources } from './environment.ts';
import { allContainers, buildRoot, type VolumeFolder, volumeFolder } from './mounts.ts';
import { type PodRecord, readPodRecord, writePodRecord } from './pod-record.ts';
import { ensureRunFolder, freeRunFolder, removeRunFolder } from './run-folder.ts';
import { volumeContent } from './volume-content.ts';

export interface PodFolderOptions {
  readonly layout: Layout;
  readonly node: string;
  readonly pod: PodId;
  readonly runBase: string;
  readonly uid: number;
  readonly user?: RuntimeUser;
  readonly sources: EnvironmentSources;
  readonly boundVolume: (claim: string) => Promise<string | undefined>;
}

/** A pod's folder on this machine: its record, its volumes, and what its containers see as `/`. */
export interface PodFolder {
  readonly path: string;
  record(): PodRecord | undefined;
  /** Writes the record; calls are carried out in order. */
  save(change: (record: PodRecord) => PodRecord): Promise<void>;
  /** Makes the record of a pod that is new here. */
  create(
    record: Omit<PodRecord, 'format' | 'pod' | 'node' | 'runFolder' | 'prepared' | 'persistentFolders'>,
  ): Promise<void>;
  /** Makes what the containers need; what is there already stays. Throws `MountFailed` and others. */
  prepare(facts: DownwardFacts): Promise<void>;
  /** Brings volumes that come from the API up to date; answers the names of those that changed. */
  refresh(facts: DownwardFacts): Promise<readonly string[]>;
  /** Removes the run folder of a pod of which nothing runs; `prepare` makes it again. */
  releaseRunFolder(): Promise<void>;
  remove(): Promise<void>;
}

function digest(files: ReadonlyMap<string, VolumeFile>): string {
  const hash = createHash('sha256');
  for (const [name, { content, mode }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\0${mode}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/**
 * Folders of volumes and containers must not meet: where one that belongs to the containers' user is also one that we
 * fill from the API, that user puts links for us to follow.
 */
function assertApart(path: string, pod: Pod): void {
  const volumes = (pod.spec?.volumes ?? []).map(({ name }) => podVolume(path, name));
  const containers = allContainers(pod).map(({ name }) => containerPaths(path, name).folder);
  const all = [podVolumes(path), ...volumes, ...containers];
  const twice = all.find((folder, i) => all.indexOf(folder) !== i);
  if (twice !== undefined) throw new StackError('InvalidPod', `two parts of the pod are named ${basename(twice)}`);
}

/** Opens a pod's folder: with the record that an earlier control left there, if any. */
export async function openPodFolder(options: PodFolderOptions): Promise<PodFolder> {
  const { layout, node, pod, user, sources } = options;
  const path = layout.pod(node, pod);
  let record = await readPodRecord(path);
  let writing: Promise<void> = Promise.resolve();
  const digests = new Map<string, string>();
  const context = { layout, node, podFolder: path, boundVolume: options.boundVolume, ...(user ? { user } : {}) };

  function write(next: PodRecord): Promise<void> {
    record = next;
    writing = writing.catch(() => undefined).then(() => writePodRecord(path, next));
    return writing;
  }

  /** Entered by the containers' user, written by us alone. */
  async function makeFolder(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o750 });
    await chmod(folder, user ? 0o750 : 0o700);
    if (user) await chown(folder, 0, user.gid);
  }

  async function refresh(facts: DownwardFacts): Promise<readonly string[]> {
    assertApart(path, facts.pod);
    const changed: string[] = [];
    for (const volume of facts.pod.spec?.volumes ?? []) {
      const files = await volumeContent(volume, facts, sources);
      if (!files) continue;
      const hash = digest(files);
      const folder = podVolume(path, volume.name);
      if (!digests.has(volume.name)) {
        // Adopted: programs watch these files, so what an earlier control wrote is not written again.
        const there = await readAtomicVolume(folder);
        if (there) {
          // That control may have died before it was done.
          await completeAtomicVolume(folder, there.keys());
          digests.set(volume.name, digest(there));
        }
      }
      if (digests.get(volume.name) === hash) continue;
      await writeAtomicVolume(folder, files, user);
      digests.set(volume.name, hash);
      changed.push(volume.name);
    }
    return changed;
  }

  async function build(spec: Pod): Promise<readonly string[]> {
    await makeFolder(podVolumes(path));
    const volumes = new Map<string, VolumeFolder>();
    for (const volume of spec.spec?.volumes ?? []) volumes.set(volume.name, await volumeFolder(volume, context));
    for (const container of allContainers(spec)) {
      const paths = containerPaths(path, container.name);
      await makeFolder(paths.folder);
      await mkdir(paths.state, { recursive: true, mode: 0o700 });
      if (user) await chown(paths.state, user.uid, user.gid);
      await buildRoot(paths.root, container, volumes, user);
    }
    return [...volumes.values()]
      .filter(({ kind }) => kind === 'persistent' || kind === 'host')
      .map((volume) => volume.path);
  }

  return {
    path,
    record: () => record,
    save: async (change) => {
      if (record) await write(change(record));
    },
    async create(fields) {
      await makeFolder(path);
      const runFolder = await freeRunFolder(options.runBase, pod.uid);
      await write({ format: 1, pod, node, runFolder, prepared: false, persistentFolders: [], ...fields });
    },
    async prepare(facts) {
      if (!record) return;
      await ensureRunFolder(dirname(record.runFolder), basename(record.runFolder), options.uid, user);
      if (!record.prepared) {
        await makeFolder(podVolumes(path));
        await refresh(facts);
        const persistentFolders = await build(facts.pod);
        await write({ ...record, prepared: true, persistentFolders });
      }
    },
    refresh,
    async releaseRunFolder() {
      if (record) await removeRunFolder(record.runFolder);
    },
    async remove() {
      await writing.catch(() => undefined);
      if (record) await removeRunFolder(record.runFolder);
      await rm(path, { recursive: true, force: true });
      record = undefined;
    },
  };
}
