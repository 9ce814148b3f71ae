/**
 * The storage of the embedded API: durable writes, opening, listing, memory.
 * Usage: tsx bench/store/store.ts [folder on the disk to measure, default the system's temporary folder]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLogger } from '@polarstack/base';
import { type ObjectStore, openObjectStore } from '@polarstack/kube-server';
import { type Row, report } from '../lib/report.ts';
import { summary } from '../lib/summary.ts';

const objects = 10_000;
const objectBytes = 2048;
const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

const key = (number: number): string => `/registry/pods/default/pod-${String(number % objects).padStart(6, '0')}`;

/** A pod-like object whose record takes about `objectBytes`. */
function example(number: number, version: number): Readonly<Record<string, unknown>> {
  const name = `pod-${String(number % objects).padStart(6, '0')}`;
  const env = Array.from({ length: 12 }, (_, index) => ({
    name: `VARIABLE_${index}`,
    value: `${version}-`.padEnd(96, 'v'),
  }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}` },
    spec: { containers: [{ name: 'engine', image: 'polarstack/postgres:15', env }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

async function writes(store: ObjectStore, clients: number, total: number) {
  let next = 0;
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const started = performance.now();
  const client = async () => {
    while (next < total) {
      const number = next++;
      const sent = performance.now();
      await store.transact(key(number), () => ({ type: 'put', object: example(number, number) }));
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (q: number) => round(sorted[Math.floor(sorted.length * q)] ?? Number.NaN);
  return {
    clients,
    'writes/s': Math.round(total / seconds),
    'median, ms': at(0.5),
    'p99, ms': at(0.99),
    'max, ms': round(sorted.at(-1) ?? Number.NaN),
    'CPU per write, us': round((user + system) / total, 1),
  };
}

/** Median of the milliseconds that `work` takes. */
async function time(times: number, work: () => unknown): Promise<number> {
  const values: number[] = [];
  for (let run = 0; run < times; run++) {
    const started = performance.now();
    await work();
    values.push(performance.now() - started);
  }
  return round(summary(values).median);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const heap = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

const dir = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'polarstack-bench-store-'));
const open = (historyLimit?: { readonly events: number; readonly bytes: number }): Promise<ObjectStore> =>
  openObjectStore({ dir, logger: silentLogger, ...(historyLimit && { historyLimit }) });

async function measureWrites(): Promise<void> {
  const store = await open();
  const rows: Row[] = [];
  for (const [clients, total] of [
    [1, 5000],
    [16, 50_000],
    [64, 100_000],
  ] as const) {
    rows.push(await writes(store, clients, total));
  }
  await store.close();
  report('store-writes', rows);
}

async function measureReads(): Promise<void> {
  const store = await open();
  const prefix = '/registry/pods/default/';
  if (store.list(prefix).length !== objects) throw new Error('not all objects were written');
  const rows = [
    { what: `list of ${objects} objects`, 'median, ms': await time(50, () => store.list(prefix)) },
    { what: 'list of 100 of them', 'median, ms': await time(50, () => store.list(`${prefix}pod-0012`)) },
    {
      what: '1000 gets',
      'median, ms': await time(50, () => Array.from({ length: 1000 }, (_, number) => store.get(key(number * 7)))),
    },
  ];
  await store.close();
  const opening = await time(7, async () => (await open()).close());
  rows.push({ what: `open and close with ${objects} objects of ${objectBytes} bytes`, 'median, ms': opening });
  report('store-reads', rows);
}

async function measureMemory(): Promise<void> {
  const before = heap();
  let store = await open({ events: 0, bytes: 0 });
  const state = heap() - before;
  await store.close();
  store = await open();
  await writes(store, 64, 40_000);
  const withHistory = heap() - before;
  await store.close();
  report('store-memory', [
    { what: `${objects} objects`, 'heap, MiB': round(state, 1) },
    { what: 'the same with a full window of history', 'heap, MiB': round(withHistory, 1) },
  ]);
}

try {
  await measureWrites();
  await measureReads();
  await measureMemory();
} finally {
  await rm(dir, { recursive: true });
}
