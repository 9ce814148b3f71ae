import type { MPDCluster } from '@polarstack/api';

/**
 * On an operation with `planOnly`: a merge patch (RFC 7386, as JSON) of the cluster's spec. The plan is made as if the spec said so
 * already, so that an edit can be looked at before it is made.
 */
export const PLAN_SPEC_ANNOTATION = 'mpd.polardb.aliyun.com/plan-spec';

/** The cluster as if its spec had been patched. Throws what `JSON.parse` throws. */
export function asIf(cluster: MPDCluster, patch: string | undefined): MPDCluster {
  if (patch === undefined) return cluster;
  return { ...cluster, spec: merged(cluster.spec, JSON.parse(patch)) as MPDCluster['spec'] };
}

function merged(value: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(value) ? { ...value } : {};
  for (const [name, part] of Object.entries(patch)) {
    if (part === null) delete result[name];
    else result[name] = merged(result[name], part);
  }
  return result;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
