/**
 * A file against what is there: the file says everything about the spec of its cluster. What it leaves out becomes what the schema
 * has for it; labels and annotations are added, and never taken away.
 */
import { randomBytes } from 'node:crypto';
import { type MPDCluster, type MPDClusterInput, MPDClusters } from '@polarstack/api';
import { isCreated, type OperationRequest } from '@polarstack/domain';
import { withDefaults } from '../create/check-new.ts';
import { awaitOperation } from './await-operation.ts';
import { changesOf, checkSpec, type FieldChange } from './edit-spec.ts';
import type { OperationView } from './operation-view.ts';
import { answersSpec, wishesOf } from './spec-operation.ts';
import type { WishContext } from './wish.ts';

export interface Differences {
  /** The cluster as it would be. */
  readonly edited: MPDCluster;
  readonly changes: readonly FieldChange[];
  /** The operations that the new spec asks for, in order. */
  readonly wishes: readonly OperationRequest[];
  /** The changes as a merge patch of the spec. */
  readonly patch: Readonly<Record<string, unknown>>;
}

/** What a file would change of a cluster that exists, after everything was checked that can be. */
export async function differencesOf(
  { connection, cluster, signal }: WishContext,
  input: MPDClusterInput,
): Promise<Differences> {
  // The server fills in its defaults for a new object only: it is asked under a name that nobody has.
  const name = `dry-run-${randomBytes(6).toString('hex')}`;
  const probe = { ...input, metadata: { ...input.metadata, name } };
  const { spec } = await withDefaults(connection.client, probe, signal);
  const { labels, annotations } = input.metadata;
  const metadata = {
    ...cluster.metadata,
    ...(labels && { labels: { ...cluster.metadata.labels, ...labels } }),
    ...(annotations && { annotations: { ...cluster.metadata.annotations, ...annotations } }),
  };
  const edited: MPDCluster = { ...cluster, metadata, spec };
  const changes = [
    ...changesOf(cluster.metadata.labels ?? {}, metadata.labels ?? {}, 'metadata.labels'),
    ...changesOf(cluster.metadata.annotations ?? {}, metadata.annotations ?? {}, 'metadata.annotations'),
    ...changesOf(cluster.spec, spec),
  ];
  if (changes.length > 0) await checkSpec(connection.client, edited, signal);
  const wishes = isCreated(cluster) ? wishesOf(edited) : [];
  return { edited, changes, wishes, patch: mergePatch(cluster.spec, spec) };
}

/** Writes the change, and waits until each operation has ended that it asks for. `Conflict` where somebody was faster. */
export async function applyDifferences(
  { connection: { client }, signal }: Pick<WishContext, 'connection' | 'signal'>,
  { edited, wishes }: Differences,
  options: { readonly wait: boolean; readonly timeoutMs: number; readonly view: () => OperationView },
): Promise<void> {
  const written = await client.replace(MPDClusters, edited, signal);
  if (!options.wait) return;
  const { namespace = 'default', name = '', uid = '', generation = 0 } = written.metadata;
  for (const { type } of wishes) {
    const { error } = await awaitOperation({
      client,
      namespace,
      isMeant: answersSpec(written, type, generation),
      what: `${type} of ${name}`,
      spec: { cluster: name, uid, generation },
      timeoutMs: options.timeoutMs,
      view: options.view(),
      signal,
    });
    if (error) throw error;
  }
}

/** The merge patch (RFC 7386) that makes one value of the other. */
export function mergePatch(before: object, after: object): Readonly<Record<string, unknown>> {
  const [from, to] = [before, after] as readonly Readonly<Record<string, unknown>>[];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Object.fromEntries(
    [...names].flatMap((name): readonly [string, unknown][] => {
      const [old, now] = [from?.[name], to?.[name]];
      if (JSON.stringify(old) === JSON.stringify(now)) return [];
      if (now === undefined) return [[name, null]];
      return [[name, isObject(old) && isObject(now) ? mergePatch(old, now) : now]];
    }),
  );
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
