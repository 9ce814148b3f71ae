/** Counts what was served, for `/metrics`. */
export interface Metrics {
  readonly served: (verb: string, code: number) => void;
  readonly watching: (change: 1 | -1) => void;
  readonly text: () => string;
}

export function createMetrics(revision: () => number): Metrics {
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
