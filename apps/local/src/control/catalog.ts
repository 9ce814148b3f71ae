import { statSync } from 'node:fs';
import { join } from 'node:path';
import { STACK_NAMESPACE, SYSTEM_NAMESPACE } from '@polarstack/api';
import { podEnv, postgresImage } from '@polarstack/contracts';
import type { KubeObject } from '@polarstack/kube';
import type { AddressRange } from '@polarstack/kube-server';
import type { ImageSpec, NodeSpec } from '@polarstack/node-runtime';
import type { PostgresInstallation } from '../postgres/discovery.ts';

/** Whether it is the one that stands for its major. */
const isChosen = (one: PostgresInstallation, found: readonly PostgresInstallation[]): boolean =>
  found.find(({ major }) => major === one.major) === one;

/** What the nodes of this machine can run: each PostgreSQL that was found, and the machine's own programs. */
export function machineImages(found: readonly PostgresInstallation[]): readonly ImageSpec[] {
  const engines = found.flatMap((one) => {
    const names = [...(isChosen(one, found) ? [postgresImage(one.major)] : []), postgresImage(one.version)];
    return names.map((name) => ({
      name,
      env: { [podEnv.engineBin]: one.bin },
      pathDirs: [one.bin],
      sizeBytes: statSync(join(one.bin, 'postgres')).size,
    }));
  });
  return [...engines, { name: 'host', env: {}, pathDirs: [], sizeBytes: 0 }];
}

/**
 * The objects of the API that depend on this machine: our namespace, and for each PostgreSQL the ConfigMap by which
 * the operator knows its version. The one that stands for its major is named by that; it is whatever the machine has of it.
 */
export function machineObjects(found: readonly PostgresInstallation[]): readonly KubeObject[] {
  const versions = found.map((one) => {
    const { major, version } = one;
    const name = isChosen(one, found) ? String(major) : version;
    const suffix = isChosen(one, found) ? '' : `-${version.replaceAll(/[._]/g, '-')}`;
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        namespace: SYSTEM_NAMESPACE,
        name: `postgresql-${major}-minor-version-info-local${suffix}`,
        labels: {
          configtype: 'minor_version_info',
          dbClusterMode: 'Local',
          dbType: 'PostgreSQL',
          dbVersion: String(major),
        },
      },
      data: { name: `postgresql-${name}`, version, pgEngineImage: postgresImage(name) },
    };
  });
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
