import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodId } from '../layout.ts';
import type { ProcessIdentity } from '../process/process-table.ts';

/** How a run of a container ended. */
export interface RunEnd {
  readonly run: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

export interface ContainerRecord {
  /** Number of the latest run, from 1; 0 before the first. Written before the run is started. */
  readonly run: number;
  readonly keeper?: ProcessIdentity;
  readonly startedAt?: string;
  /** How the latest run ended; absent while it goes on. */
  readonly end?: RunEnd;
  readonly previous?: RunEnd;
  /** Pause before the next run, in milliseconds. */
  readonly backoffMs: number;
}

/**
 * What was started for a pod: `pod.json` in its folder. With the keepers' records it is all that a new control needs
 * to adopt the pod. It holds no value of any Secret.
 */
export interface PodRecord {
  readonly format: 1;
  readonly pod: PodId;
  readonly node: string;
  readonly podIP: string;
  readonly runFolder: string;
  /** Folders of claims: where this pod's processes may work besides the pod's own folder. */
  readonly persistentFolders: readonly string[];
  /** True once the containers' roots are built, which happens once. */
  readonly prepared: boolean;
  readonly startTime: string;
  readonly containers: Readonly<Record<string, ContainerRecord>>;
}

export const noRun: ContainerRecord = { run: 0, backoffMs: 0 };

const FILE = 'pod.json';

/** Written aside, flushed and renamed: a reader sees the old one or the new one. */
export async function writePodRecord(folder: string, record: PodRecord): Promise<void> {
  const aside = join(folder, `.${FILE}.new`);
  const file = await open(aside, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record, undefined, 2)}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(aside, join(folder, FILE));
}

function isRecord(value: unknown): value is PodRecord {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === 1;
}

/** Undefined where there is none, or one that nobody can read: then the pod is found by scan and started afresh. */
export async function readPodRecord(folder: string): Promise<PodRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, FILE), 'utf8'));
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
