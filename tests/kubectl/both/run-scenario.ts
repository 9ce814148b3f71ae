import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '@polarstack/testkit';
import type { KubeTestServer } from '@polarstack/testkit/kube-servers';
import type { Scenario, Step } from './scenario.ts';

export interface Outcome {
  readonly command: string;
  readonly code: number;
  readonly expected: number;
  /** What was said, without what differs between any two servers. */
  readonly said: readonly string[];
}

/** Runs the steps of a scenario, one after the other, in a namespace of their own. */
export async function runScenario(
  server: KubeTestServer,
  { files = {}, steps }: Scenario,
  namespace: string,
): Promise<readonly Outcome[]> {
  const dir = await mkdtemp(join(server.folder, 'scenario-'));
  for (const [name, content] of Object.entries(files)) {
    const path = join(dir, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, { mode: 0o755 });
  }
  const outcomes: Outcome[] = [];
  for (const step of steps) outcomes.push(await runStep(server, namespace, dir, step));
  return outcomes;
}

/** Puts uids in the place of `{uid:kind/name}`. */
async function withUids(server: KubeTestServer, namespace: string, input: string): Promise<string> {
  let text = input;
  for (const [place, object = ''] of input.matchAll(/\{uid:([^}]+)\}/g)) {
    const { stdout } = await run('kubectl', ['-n', namespace, 'get', object, '-o', 'jsonpath={.metadata.uid}'], {
      env: { KUBECONFIG: server.kubeconfig, HOME: server.folder },
    });
    text = text.replaceAll(place, stdout);
  }
  return text;
}

async function runStep(
  server: KubeTestServer,
  namespace: string,
  dir: string,
  step: Scenario['steps'][number],
): Promise<Outcome> {
  const { run: given, input, env = {}, compare = 'all', code: expected = 0 } = asStep(step);
  const args = (typeof given === 'string' ? given.split(' ') : given).map((arg) => arg.replaceAll('{dir}', dir));
  const placed = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replaceAll('{dir}', dir)]));
  const { code, stdout, stderr } = await run('kubectl', ['-n', namespace, ...args], {
    env: { KUBECONFIG: server.kubeconfig, HOME: server.folder, ...placed },
    cwd: dir,
    ...(input === undefined ? {} : { input: await withUids(server, namespace, input) }),
  });
  const text = scrub(`${stdout}${stderr}`.replaceAll(dir, '{dir}').replaceAll(server.url, '<server>'));
  return { command: args.join(' ').replaceAll(dir, '{dir}'), code, expected, said: part(text, compare) };
}

const asStep = (step: Scenario['steps'][number]): Step =>
  typeof step === 'string' || Array.isArray(step) ? { run: step } : (step as Step);

const patterns: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uid>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, '<date>'],
  [/(resourceVersion"?: "?|Resource Version: +)\d+/g, '$1<version>'],
  [/X509SHA256=[0-9a-f]{64}/g, '<certificate>'],
  [/^[EIW]\d{4} [\d:.]+ +\d+ /gm, '<log> '],
  [/\b10\.96\.\d+\.\d+\b/g, '<address>'],
  [/(?<=[\s(])\d+[smh](\d+[smh])?(?=[\s)]|$)/gm, '<age>'],
  // Temporary files of `diff`.
  // Below the folder for temporary files, wherever that is.
  [/\/\S*\/(LIVE|MERGED)-\d+/g, '/tmp/$1'],
  [/^(---|\+\+\+) (\S+)\t.*$/gm, '$1 $2'],
];

function scrub(text: string): string {
  return patterns.reduce((result, [pattern, word]) => result.replace(pattern, word), text);
}

function part(text: string, compare: NonNullable<Step['compare']>): readonly string[] {
  // How wide a column is depends on the ages in it.
  const lines = text
    .split('\n')
    .map((line) => line.replace(/ {2,}/g, '  ').trimEnd())
    .filter((line) => line !== '');
  switch (compare) {
    case 'all':
      return lines;
    case 'lines':
      return lines.toSorted();
    case 'fields':
      return lines.filter((line) => /^\s+\S+\t<.*>/.test(line));
    case 'code':
      return [];
  }
}
