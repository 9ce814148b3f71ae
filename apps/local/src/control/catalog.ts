import { statSync } from 'node:fs';
import { join } from 'node:path';
import { STACK_NAMESPACE, SYSTEM_NAMESPACE } from '@polarstack/api';
import { podEnv, postgresImage } from '@polarstack/contracts';
import type { KubeObject } from '@polarstack/kube';
import type { AddressRange } from '@polarstack/kube-server';
import type { ImageSpec, NodeSpec } from '@polarstack/node-runtime';
import type { PostgresInstallation } from '../postgres/discovery.ts';

/** What the nodes of this machine can run: each PostgreSQL that was found, and the machine's own programs. */
export function machineImages(found: readonly PostgresInstallation[]): readonly ImageSpec[] {
  const engines = found.map(({ major, bin }) => ({
    name: postgresImage(major),
    env: { [podEnv.engineBin]: bin },
    pathDirs: [bin],
    sizeBytes: statSync(join(bin, 'postgres')).size,
  }));
  return [...engines, { name: 'host', env: {}, pathDirs: [], sizeBytes: 0 }];
}

/**
 * The objects of the API that depend on this machine: our namespace, and for each PostgreSQL the ConfigMap by which
 * the operator knows its version.
 */
export function machineObjects(found: readonly PostgresInstallation[]): readonly KubeObject[] {
  const versions = found.map(({ major, version }) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      namespace: SYSTEM_NAMESPACE,
      name: `postgresql-${major}-minor-version-info-local`,
      labels: {
        configtype: 'minor_version_info',
        dbClusterMode: 'Local',
        dbType: 'PostgreSQL',
        dbVersion: String(major),
      },
    },
    data: { name: `postgresql-${major}`, version, pgEngineImage: postgresImage(major) },
  }));
  return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: STACK_NAMESPACE } }, ...versions];
}

const NODES = [1, 2, 3] as const;

/** The nodes of this machine: node i has the address 127.B.0.(10+i), its pods have 127.B.(10+i).x. */
export function machineNodes(block: number): readonly NodeSpec[] {
  return NODES.map((i) => ({
    name: `node-${i}`,
    address: `127.${block}.0.${10 + i}`,
    podAddress: (n: number) => `127.${block}.${10 + i}.${n}`,
  }));
}

/** Services have the addresses 127.B.20.1 to 127.B.20.254, the lowest free one first. */
export function serviceAddresses(block: number): AddressRange {
  const all = Array.from({ length: 254 }, (_, i) => `127.${block}.20.${i + 1}`);
  return { next: (used) => all.find((address) => !used.has(address)) };
}
