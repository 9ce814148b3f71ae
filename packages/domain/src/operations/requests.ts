/**
 * What users ask for by annotations of the original and by edits of the spec: a pure function of the cluster.
 *
 * Invariants (tests cite them):
 * - RQ1 An annotation is claimed by one write that takes it away and puts the request in its place; the operation is
 *   made from that, under a name that it carries. A crash between any two writes loses no request and makes none twice.
 * - RQ2 A wish of the spec is compared with what was applied: it makes one operation for each generation of the spec, so
 *   that one that was cancelled is not begun again behind somebody's back.
 * - RQ3 At most one wish of the spec is answered at a time, in the order of the original.
 */
import type { MPDCluster, OperationType } from '@polarstack/api';
import { isOperationType } from '@polarstack/api';
import type { Json } from '@polarstack/base';
import { settledMembership } from '../cluster/members.ts';

/** Annotations of a claimed request: this prefix and its id. */
export const REQUEST_PREFIX = 'request.mpd.polardb.aliyun.com/';

export interface OperationRequest {
  readonly type: OperationType;
  readonly parameters: Readonly<Record<string, Json>>;
  readonly reason: string;
  readonly requester: string;
}

/** Words that count as true. Source: the original, facts §2. */
const isTrue = (value: string): boolean => value === '1' || value === 'T' || value === 'true';

type Reader = (value: string, cluster: MPDCluster) => Pick<OperationRequest, 'type' | 'parameters'> | undefined;

/** Annotations that ask for an operation, in the order in which they are answered. Source: the original, facts §2. */
const readers: Readonly<Record<string, Reader>> = {
  forceRebuild: (value) => (isTrue(value) ? { type: 'Rebuild', parameters: {} } : undefined),
  restartCluster: (value) => (isTrue(value) ? { type: 'RestartCluster', parameters: {} } : undefined),
  restartIns: (value) => (value === '' ? undefined : { type: 'RestartIns', parameters: { instance: value } }),
  flushParams: (value) => (isTrue(value) ? { type: 'FlushParams', parameters: {} } : undefined),
  switchRw: (value, { status }) =>
    value !== '' && value === status?.leaderInstanceId
      ? undefined
      : { type: 'SwitchRw', parameters: value === '' ? {} : { instance: value } },
  migrate: (value, { status }) => {
    const [instance = '', node = '', ...rest] = value.split('|').map((part) => part.trim());
    if (instance === '' || node === '' || rest.length > 0) return undefined;
    return { type: instance === status?.leaderInstanceId ? 'MigrateRw' : 'MigrateRo', parameters: { instance, node } };
  },
  removeIns: (value) => (value === '' ? undefined : { type: 'RemoveRo', parameters: { instance: value } }),
  extendStorage: (value) => (isTrue(value) ? { type: 'ExtendStorage', parameters: {} } : undefined),
};

export interface AnnotationRequest {
  readonly key: string;
  /** Absent: the value asks for nothing; the annotation is taken away all the same, with a notice. */
  readonly request?: OperationRequest;
  readonly value: string;
}

/** The first annotation that asks for something. */
export function annotationRequest(cluster: MPDCluster): AnnotationRequest | undefined {
  const annotations = cluster.metadata.annotations ?? {};
  for (const [key, read] of Object.entries(readers)) {
    const value = annotations[key];
    if (value === undefined) continue;
    const wish = read(value, cluster);
    if (!wish) return { key, value };
    const requester = annotatedBy(cluster, key);
    return { key, value, request: { ...wish, requester, reason: `annotation ${key}=${value}` } };
  }
  return undefined;
}

/** Who set an annotation, as the API server recorded it. */
export function annotatedBy({ metadata }: MPDCluster, key: string): string {
  const owner = (metadata.managedFields ?? []).find(({ fieldsV1 }) => {
    const owned = fieldsV1 as {
      readonly 'f:metadata'?: { readonly 'f:annotations'?: Readonly<Record<string, unknown>> };
    };
    return owned?.['f:metadata']?.['f:annotations']?.[`f:${key}`] !== undefined;
  });
  return owner?.manager ?? 'annotation';
}

/** Claimed requests, oldest first: their ids begin with the moment of the claim. */
export function claimedRequests({
  metadata,
}: MPDCluster): readonly { readonly id: string; readonly request: OperationRequest }[] {
  return Object.entries(metadata.annotations ?? {})
    .filter(([key]) => key.startsWith(REQUEST_PREFIX))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, text]) => {
      const request = parseRequest(text);
      return request ? [{ id: key.slice(REQUEST_PREFIX.length), request }] : [];
    });
}

export const formatRequest = (request: OperationRequest): string => JSON.stringify(request);

function parseRequest(text: string): OperationRequest | undefined {
  try {
    const value = JSON.parse(text) as Partial<OperationRequest> | null;
    if (typeof value !== 'object' || value === null || typeof value.type !== 'string' || !isOperationType(value.type)) {
      return undefined;
    }
    const { type, parameters = {}, reason = '', requester = '' } = value;
    return { type, parameters, reason: String(reason), requester: String(requester) };
  } catch {
    return undefined;
  }
}

/** What the spec asks for and is not so yet; the first wish in the order of the original. */
export function specRequest(cluster: MPDCluster): OperationRequest | undefined {
  const { spec, status } = cluster;
  const membership = settledMembership(cluster);
  if (!membership) return undefined;
  const wish = (type: OperationType, parameters: OperationRequest['parameters'], reason: string): OperationRequest => ({
    type,
    parameters,
    reason,
    requester: 'spec',
  });
  const className = wantedClass(cluster);
  if (className !== undefined) return wish('ModifyClass', { className }, `the spec asks for class ${className}`);
  const version = wantedVersion(cluster);
  if (version) {
    const { versionName, exact } = version;
    const reason = `the spec asks for version ${versionName ?? exact}`;
    return wish('UpgradeMinorVersion', versionName === undefined ? {} : { versionName }, reason);
  }
  if (parametersDiffer(cluster)) return wish('FlushParams', {}, 'spec.parameters changed');
  const replicas = membership.members.length - 1;
  if (spec.followerNum > replicas) {
    const count = spec.followerNum - replicas;
    return wish('AddRo', { count }, `the spec asks for ${spec.followerNum} ROs, there are ${replicas}`);
  }
  if (spec.followerNum < replicas) {
    const count = replicas - spec.followerNum;
    return wish('RemoveRo', { count }, `the spec asks for ${spec.followerNum} ROs, there are ${replicas}`);
  }
  const size = spec.localStore?.size;
  const applied = status?.appliedSpec?.localStore?.size;
  if (size !== undefined && status?.appliedSpec && String(size) !== String(applied ?? '')) {
    return wish('ExtendStorage', { size: String(size) }, `the spec asks for volumes of ${size}`);
  }
  return undefined;
}

/** The class to change to: `classInfoModifyTo`, else an edited `classInfo`. */
export function wantedClass({ spec, status }: MPDCluster): string | undefined {
  const applied = status?.insClassInfo?.className;
  if (!applied) return undefined;
  const next = spec.classInfoModifyTo?.className;
  if (next && next !== applied) return next;
  return spec.classInfo.className === applied ? undefined : spec.classInfo.className;
}

/** What to upgrade to: an entry of the catalog by its name, else a version such as `15.19`. */
export interface WantedVersion {
  readonly versionName?: string;
  readonly exact?: string;
}

/** `versionCfgModifyTo`, else an edited `versionCfg`, else an edited `engine.version` with a minor. */
export function wantedVersion({ spec, status }: MPDCluster): WantedVersion | undefined {
  const applied = status?.appliedSpec?.versionCfg?.versionName ?? '';
  const next = spec.versionCfgModifyTo?.versionName;
  if (next && next !== applied) return { versionName: next };
  const named = spec.versionCfg?.versionName ?? '';
  if (named !== '' && named !== applied) return { versionName: named };
  const pinned = spec.engine?.version;
  if (!status?.appliedSpec || !pinned?.includes('.') || pinned === status.appliedSpec.engine?.version) return undefined;
  const running = Object.values(status.dbInstanceStatus ?? {}).map(({ engine }) => engine?.version);
  return running.every((version) => version === pinned) ? undefined : { exact: pinned };
}

function parametersDiffer({ spec, status }: MPDCluster): boolean {
  const [wanted, applied] = [spec.parameters ?? {}, status?.appliedSpec?.parameters];
  if (!applied) return false;
  const names = new Set([...Object.keys(wanted), ...Object.keys(applied)]);
  return [...names].some((name) => wanted[name] !== applied[name]);
}
