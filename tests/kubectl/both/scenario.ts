/** The same commands of kubectl on our server and on a real one. */
export interface Step {
  /** Arguments; one text is split at its blanks. `{dir}` is a folder of the scenario. */
  readonly run: string | readonly string[];
  /** Its standard input; `{uid:kind/name}` stands for the uid of an object. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /**
   * What of the output is compared: all of it (the default), its lines in any order, the names and types of fields (as
   * `explain` prints them), or the exit code alone.
   */
  readonly compare?: 'all' | 'lines' | 'fields' | 'code';
  /** Expected exit code. Default 0. */
  readonly code?: number;
}

export interface Scenario {
  readonly title: string;
  /** Files of the scenario's folder, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly steps: readonly (string | readonly string[] | Step)[];
}

/** What kubectl reads from a file or from its standard input; several objects are a list. */
export const manifest = (...objects: readonly object[]): string => {
  const [only, second] = objects;
  return JSON.stringify(second ? { apiVersion: 'v1', kind: 'List', items: objects } : only);
};

export const labels = { app: 'web' };
export const template = {
  metadata: { labels },
  spec: { containers: [{ name: 'main', image: 'registry.example.com/web:1' }] },
};
export const workload = (kind: string, name: string, spec: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, labels },
  spec: { selector: { matchLabels: labels }, template, ...spec },
});
export const configMap = (name: string, data: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});
export const pod = (name: string, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: { ...template.spec, terminationGracePeriodSeconds: 0, ...spec },
});
