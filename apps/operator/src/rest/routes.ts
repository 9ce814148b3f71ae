/** Every call of the REST API: where it is, who may make it, what it takes and gives. The OpenAPI document is made from this table. */
import type { TokenScope } from '@polarstack/domain';
import type { z } from 'zod';
import { approvalBody, engineStatusBody, operationBody, planBody, rwInsBody, steeringBody } from './bodies.ts';
import type { Answer, Call } from './context.ts';
import { getCluster, getWhy, listClusters, listEvents, makePlan } from './handle-clusters.ts';
import {
  approveOperation,
  createOperation,
  getOperation,
  listOperations,
  steerOperation,
} from './handle-operations.ts';
import { reportEngineStatus, reportRw } from './handle-original.ts';

export interface Route {
  readonly id: string;
  readonly method: 'GET' | 'POST';
  /** With its parts in braces, as OpenAPI writes it. */
  readonly path: string;
  readonly scope: TokenScope;
  readonly summary: string;
  /** Names of query parameters, with what they mean. */
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  /** Status of success, and the schema of its body (of `components.schemas`). */
  readonly answers: Readonly<Record<number, { readonly description: string; readonly schema?: string }>>;
  /** Whether the same call with the same `Idempotency-Key` is the same call. */
  readonly idempotent?: true;
  /** Of the original: its errors are plain text. */
  readonly original?: true;
  /** `stream`: the connection stays; see event-stream.ts. */
  readonly run: ((call: Call) => Promise<Answer>) | 'stream';
}

const cluster = '/api/v1/namespaces/{namespace}/clusters/{cluster}';
const operation = '/api/v1/namespaces/{namespace}/operations/{operation}';
const original = '/api/v1/namespace/{namespace}/name/{cluster}';
const originalDone = { 200: { description: '`{"status":"ok","msg":{}}`', schema: 'OriginalOk' } };

export const routes: readonly Route[] = [
  {
    id: 'listClusters',
    method: 'GET',
    path: '/api/v1/clusters',
    scope: 'read',
    summary: 'The clusters.',
    query: { namespace: 'Only those of this namespace.' },
    answers: { 200: { description: 'The clusters.', schema: 'ClusterList' } },
    run: listClusters,
  },
  {
    id: 'getCluster',
    method: 'GET',
    path: cluster,
    scope: 'read',
    summary: 'One cluster.',
    answers: { 200: { description: 'The MPDCluster.', schema: 'Cluster' } },
    run: getCluster,
  },
  {
    id: 'why',
    method: 'GET',
    path: `${cluster}/why`,
    scope: 'read',
    summary: 'What is wrong with the cluster or under way on it, since when, and what helps.',
    answers: { 200: { description: 'A sentence, and the facts behind it.', schema: 'Why' } },
    run: getWhy,
  },
  {
    id: 'listEvents',
    method: 'GET',
    path: `${cluster}/events`,
    scope: 'read',
    summary: 'What happened to the cluster, its instances and its operations, the oldest first.',
    answers: { 200: { description: 'The events.', schema: 'EventList' } },
    run: listEvents,
  },
  {
    id: 'plan',
    method: 'POST',
    path: `${cluster}/plans`,
    scope: 'read',
    summary: 'What an operation would do, or why it would be refused. Nothing is made.',
    body: planBody,
    answers: { 200: { description: 'The plan, or the refusal.', schema: 'Plan' } },
    run: makePlan,
  },
  {
    id: 'listOperations',
    method: 'GET',
    path: `${cluster}/operations`,
    scope: 'read',
    summary: 'The operations of the cluster, the oldest first.',
    answers: { 200: { description: 'The operations.', schema: 'OperationList' } },
    run: listOperations,
  },
  {
    id: 'createOperation',
    method: 'POST',
    path: `${cluster}/operations`,
    scope: 'operate',
    summary: 'Asks for an operation. What it does is also told by the event stream.',
    body: operationBody,
    idempotent: true,
    answers: {
      201: { description: 'The operation that was made; Location says where it is.', schema: 'Operation' },
      200: {
        description: 'The one that was made by an earlier call with the same Idempotency-Key.',
        schema: 'Operation',
      },
    },
    run: createOperation,
  },
  {
    id: 'getOperation',
    method: 'GET',
    path: operation,
    scope: 'read',
    summary: 'One operation.',
    answers: { 200: { description: 'The MPDOperation.', schema: 'Operation' } },
    run: getOperation,
  },
  {
    id: 'steerOperation',
    method: 'POST',
    path: `${operation}/steering`,
    scope: 'operate',
    summary: 'Pauses, resumes, skips, restarts or cancels. What came of it is in condition Steered.',
    body: steeringBody,
    idempotent: true,
    answers: { 202: { description: 'The operation; the action is asked for.', schema: 'Operation' } },
    run: steerOperation,
  },
  {
    id: 'approveOperation',
    method: 'POST',
    path: `${operation}/approval`,
    scope: 'operate',
    summary: 'Lets an operation begin that waits for approval.',
    body: approvalBody,
    answers: { 200: { description: 'The operation.', schema: 'Operation' } },
    run: approveOperation,
  },
  {
    id: 'stream',
    method: 'GET',
    path: '/api/v1/stream',
    scope: 'read',
    summary:
      'Changes of clusters and operations as server-sent events (cluster, operation, deleted, reset). With Last-Event-ID it goes on where it ended; where that is too long ago, or without one, it begins with reset and everything there is.',
    query: { namespace: 'Only those of this namespace.', cluster: 'Only this cluster and its operations.' },
    answers: { 200: { description: 'text/event-stream' } },
    run: 'stream',
  },
  {
    id: 'reportRw',
    method: 'POST',
    path: `${original}/rw_ins`,
    scope: 'operate',
    summary: 'Of the original: the instance at this endpoint is to be the RW. Where it is not yet, a SwitchRw is made.',
    body: rwInsBody,
    answers: originalDone,
    original: true,
    run: reportRw,
  },
  {
    id: 'reportEngineStatus',
    method: 'POST',
    path: `${original}/meta/engine_status`,
    scope: 'operate',
    summary:
      'Of the original: the state of the engine at this endpoint. What its agent says counts more, at the next look.',
    body: engineStatusBody,
    answers: originalDone,
    original: true,
    run: reportEngineStatus,
  },
];

export interface Match {
  readonly route: Route;
  readonly path: Readonly<Record<string, string>>;
}

/** The route of a call; the methods that the path takes where this is not one of them; undefined: no such path. */
export function matchRoute(
  method: string,
  pathname: string,
): Match | { readonly allow: readonly string[] } | undefined {
  const parts = pathname.split('/');
  const allow: string[] = [];
  for (const route of routes) {
    const path = matchPath(route.path.split('/'), parts);
    if (path && route.method === method) return { route, path };
    if (path) allow.push(route.method);
  }
  return allow.length > 0 ? { allow } : undefined;
}

function matchPath(template: readonly string[], parts: readonly string[]): Match['path'] | undefined {
  if (template.length !== parts.length) return undefined;
  const found: Record<string, string> = {};
  for (const [i, expected] of template.entries()) {
    const part = parts[i] ?? '';
    const name = /^\{(.+)\}$/.exec(expected)?.[1];
    if (name === undefined && part !== expected) return undefined;
    // Names of the API server: nothing that would need escaping.
    if (name !== undefined && !/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(part)) return undefined;
    if (name !== undefined) found[name] = part;
  }
  return found;
}
