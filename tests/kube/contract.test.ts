/**
 * The contract of the API: every case runs on our server and, where `make kube-assets` found one, on a real API server;
 * what they answered must be the same, save what `differences.ts` lists.
 */
import { findKubeAssets, missing } from '@polarstack/testkit';
import { type KubeTestServer, startEmbeddedKube, startRealKube } from '@polarstack/testkit/kube-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApi, type Entry } from './api.ts';
import type { ContractCase } from './case.ts';
import { allCases } from './cases/all.ts';
import { connector } from './cases/pods.ts';
import { compareTranscripts, type Deviation } from './compare.ts';
import { differences, mayDiffer } from './differences.ts';

const noKube = missing('kube');
const passed = { ours: 0, real: 0 };
const shown = new Set<string>();
let ours: KubeTestServer;
let real: KubeTestServer | undefined;

beforeAll(async () => {
  const found = findKubeAssets();
  // One after the other: what has started is known to the end, also when the next one fails.
  ours = await startEmbeddedKube({ connector });
  if (found.complete) real = await startRealKube(found.assets);
});

afterAll(async () => {
  const counts = [`${passed.ours} of ${allCases.length} cases on ours`];
  if (real) counts.push(`${passed.real} of ${allCases.filter((one) => !one.kubelet).length} on ${real.title}`);
  else counts.push('none on a real API server');
  process.stderr.write(`contract: ${counts.join(', ')}\n`);
  await Promise.allSettled([ours?.stop(), real?.stop()]);
});

describe('the contract', () => {
  it.each(allCases.map((one, index) => ({ ...one, index })))('$name', async (one) => {
    const namespace = `case-${one.index}`;
    const onReal = real !== undefined && !one.kubelet;
    const [mine, other] = await Promise.all([
      play(ours, one, namespace),
      onReal && real ? play(real, one, namespace) : undefined,
    ]);
    const deviations = other ? compareTranscripts(mine.transcript, other.transcript) : [];
    const unlisted = deviations.filter((deviation) => !excused(one, deviation));
    const list = unlisted.map(tell).join('\n');
    if (mine.failure !== undefined) throw new Error(`on ours\n${list}`, { cause: mine.failure });
    passed.ours++;
    if (other?.failure !== undefined) throw new Error(`on ${real?.title}\n${list}`, { cause: other.failure });
    if (other) passed.real++;
    if (unlisted.length > 0) throw new Error(`${unlisted.length} answers differ:\n${list}`);
  });

  it.skipIf(noKube)('has no listed difference that is gone', () => {
    if (passed.real < allCases.filter((one) => !one.kubelet).length) return;
    expect(differences.map(({ title }) => title).filter((title) => !shown.has(title))).toEqual([]);
  });
});

async function play(
  server: KubeTestServer,
  one: ContractCase,
  namespace: string,
): Promise<{ readonly transcript: readonly Entry[]; readonly failure?: unknown }> {
  const transcript: Entry[] = [];
  const api = createApi(server.endpoint, namespace, transcript, () => server.forget());
  await api.quiet('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  try {
    await one.run(api);
    return { transcript };
  } catch (failure) {
    return { transcript, failure };
  } finally {
    await api.quiet('DELETE', `/api/v1/namespaces/${namespace}`);
  }
}

function excused(one: ContractCase, { where }: Deviation): boolean {
  const line = differences.find(({ places }) => places.test(`${one.name} | ${where}`));
  if (!line || !mayDiffer(where)) return false;
  shown.add(line.title);
  return true;
}

function tell({ where, ours: mine, real: other }: Deviation): string {
  return `${where}\n    ours: ${JSON.stringify(mine)}\n    Kubernetes: ${JSON.stringify(other)}`;
}
