import type { Audit } from './audit/audit.ts';
import type { Gate, RequestKind } from './overload/gate.ts';

/** Counts what was served, for `/metrics`. */
export interface Metrics {
  readonly served: (verb: string, code: number) => void;
  readonly watching: (change: 1 | -1) => void;
  readonly text: () => string;
}

/** What others count. */
export interface MetricSources {
  readonly revision: () => number;
  readonly gate: Pick<Gate, 'counts'>;
  readonly audit: Pick<Audit, 'counts'>;
  /** TCP connections that are open. */
  readonly connections: () => number;
}

export function createMetrics({ revision, gate, audit, connections }: MetricSources): Metrics {
  const requests = new Map<string, number>();
  let watchers = 0;
  return {
    watching: (change) => {
      watchers += change;
    },
    served: (verb, code) => {
      const labels = `verb="${verb}",code="${code}"`;
      requests.set(labels, (requests.get(labels) ?? 0) + 1);
    },
    text: () =>
      [
        '# HELP apiserver_request_total Requests answered, by verb and status code.',
        '# TYPE apiserver_request_total counter',
        ...[...requests].map(([labels, count]) => `apiserver_request_total{${labels}} ${count}`),
        '# HELP apiserver_longrunning_requests Open watches.',
        '# TYPE apiserver_longrunning_requests gauge',
        `apiserver_longrunning_requests{verb="watch"} ${watchers}`,
        ...perKind(
          'apiserver_current_inflight_requests',
          'gauge',
          'Requests under way.',
          (kind) => gate.counts(kind).running,
        ),
        ...perKind(
          'apiserver_current_inqueue_requests',
          'gauge',
          'Requests that wait for a seat.',
          (kind) => gate.counts(kind).waiting,
        ),
        ...perKind(
          'apiserver_dropped_requests_total',
          'counter',
          'Requests refused with 429.',
          (kind) => gate.counts(kind).refused,
        ),
        '# HELP apiserver_audit_event_total Lines written to the audit log.',
        '# TYPE apiserver_audit_event_total counter',
        `apiserver_audit_event_total ${audit.counts().written}`,
        '# HELP apiserver_audit_error_total Lines that the audit log lost.',
        '# TYPE apiserver_audit_error_total counter',
        `apiserver_audit_error_total{plugin="log"} ${audit.counts().lost}`,
        '# HELP polarstack_api_connections Open connections.',
        '# TYPE polarstack_api_connections gauge',
        `polarstack_api_connections ${connections()}`,
        '# HELP polarstack_store_revision The newest durable revision.',
        '# TYPE polarstack_store_revision gauge',
        `polarstack_store_revision ${revision()}`,
        '# HELP process_resident_memory_bytes Resident memory in bytes.',
        '# TYPE process_resident_memory_bytes gauge',
        `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
        '',
      ].join('\n'),
  };
}

const kinds: readonly RequestKind[] = ['readOnly', 'mutating'];

function perKind(name: string, type: string, help: string, value: (kind: RequestKind) => number): readonly string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...kinds.map((kind) => `${name}{request_kind="${kind}"} ${value(kind)}`),
  ];
}
