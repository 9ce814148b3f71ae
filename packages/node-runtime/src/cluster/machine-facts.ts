import { readFile, statfs } from 'node:fs/promises';
import os from 'node:os';
import { readBootId } from '../process/process-table.ts';
import type { MachineFacts } from './node-status.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

async function textOf(path: string): Promise<string> {
  // Containers and small systems lack these files; nothing depends on them.
  return await readFile(path, 'utf8').catch(() => '');
}

/** Looks at this machine; the disk is the one that `home` lies on. */
export async function machineFacts(home: string): Promise<MachineFacts> {
  const [machineId, release, disk] = await Promise.all([
    textOf('/etc/machine-id'),
    textOf('/etc/os-release'),
    statfs(home),
  ]);
  return {
    cpus: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    // In steps of a GiB, so that a status that says nothing new is not written again.
    diskBytes: Math.floor((disk.blocks * disk.bsize) / 2 ** 30) * 2 ** 30,
    bootId: readBootId(),
    machineId: machineId.trim(),
    kernel: os.release(),
    osImage: release.match(/^PRETTY_NAME="?([^"\n]*)/m)?.[1] ?? 'Linux',
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    version: 'v1.32.0-polarstack',
  };
}
