import { type MPDCluster, MPDClusters } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { asIf, type Problem, validateCluster } from '@polarstack/domain';
import type { KubeClient } from '@polarstack/kube';
import { readLookups } from '../create/lookups.ts';

/** A field that an edit changes, for people. */
export interface FieldChange {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/** The problems of a spec as one error. */
export function problemError(name: string, problems: readonly Problem[]): StackError {
  const [first] = problems as readonly [Problem, ...Problem[]];
  return new StackError(first.code, `cluster ${name}: ${first.path}: ${first.message}`, {
    remedy: first.remedy,
    details: { problems },
  });
}

/** Everything that can be known of an edit of the spec before it is made; throws the first problem. */
export async function checkSpec(client: KubeClient, edited: MPDCluster, signal: AbortSignal): Promise<void> {
  const lookups = await readLookups(client, signal, edited);
  const problems = validateCluster(edited, lookups);
  if (problems.length > 0) throw problemError(edited.metadata.name ?? '', problems);
}

/** Patches the spec after checking it; answers the cluster as it is now. */
export async function editSpec(
  client: KubeClient,
  cluster: MPDCluster,
  patch: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<MPDCluster> {
  await checkSpec(client, asIf(cluster, JSON.stringify(patch)), signal);
  const { namespace = 'default', name = '', uid } = cluster.metadata;
  // Another cluster of the same name is not the one that was looked at.
  const body = { metadata: { uid }, spec: patch };
  return await client.patch(MPDClusters, { namespace, name }, { type: 'merge', body }, signal);
}

/** What differs between two specs, field by field. */
export function changesOf(before: unknown, after: unknown, path = 'spec'): readonly FieldChange[] {
  if (isRecord(before) && isRecord(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) => changesOf(before[name], after[name], `${path}.${name}`));
  }
  const [from, to] = [shown(before), shown(after)];
  return from === to ? [] : [{ path, from, to }];
}

const shown = (value: unknown): string =>
  value === undefined ? 'not set' : typeof value === 'string' ? value : JSON.stringify(value);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
