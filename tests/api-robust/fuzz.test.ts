/**
 * Requests that are made up: the server must live, blame nobody's mistake on itself (no 500), let go of every connection
 * and keep its log whole.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger, waitFor } from '@polarstack/base';
import { inspect, openObjectStore } from '@polarstack/kube-server';
import { config } from '@polarstack/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiChild, type Bench, createBench } from './child.ts';
import { robustConfig } from './config.ts';
import { fuzzRequest } from './fuzz-requests.ts';
import { send } from './fuzz-send.ts';
import { createClient, type HttpClient } from './http-client.ts';

let bench: Bench;
let server: ApiChild;
let admin: HttpClient;

beforeAll(async () => {
  bench = await createBench();
  server = await bench.start({ server: { audit: { file: join(bench.folder, 'audit.log') } } });
  admin = createClient(server.port, bench.identity);
});
afterAll(async () => {
  admin.close();
  await bench.remove();
});

const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: { size: { type: 'integer', minimum: 1 }, free: { 'x-kubernetes-preserve-unknown-fields': true } },
      'x-kubernetes-validations': [{ rule: '!has(self.size) || self.size != 13' }],
    },
    status: { type: 'object', properties: { size: { type: 'integer' } } },
  },
};
const crd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.fuzz.io' },
  spec: {
    group: 'fuzz.io',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' } },
        schema: { openAPIV3Schema: schema },
      },
    ],
  },
};

async function prepare(): Promise<void> {
  const pods = '/api/v1/namespaces/default/pods';
  const made = [
    await admin.call('POST', '/api/v1/namespaces', { metadata: { name: 'fuzz' } }),
    await admin.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd),
    await admin.call('POST', pods, {
      metadata: { name: 'running' },
      spec: { containers: [{ name: 'c', image: 'host', command: ['cat'] }] },
    }),
    await admin.call(
      'PATCH',
      `${pods}/running/status`,
      { status: { phase: 'Running', podIP: '127.0.0.1' } },
      { 'content-type': 'application/merge-patch+json' },
    ),
  ];
  for (const { code, text } of made) expect(code, text).toBeLessThan(300);
}

/** Every object by its uid, with its version, of the kinds that were played with. */
async function everything(): Promise<ReadonlyMap<string, string>> {
  const all = new Map<string, string>();
  for (const path of [
    '/api/v1/configmaps',
    '/api/v1/secrets',
    '/api/v1/pods',
    '/api/v1/services',
    '/api/v1/namespaces',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    '/apis/coordination.k8s.io/v1/leases',
    '/apis/apps/v1/deployments',
  ]) {
    const { code, text } = await admin.call('GET', path);
    expect(code, path).toBe(200);
    const { items } = JSON.parse(text) as { items: { metadata: { uid: string; resourceVersion: string } }[] };
    for (const { metadata } of items) all.set(metadata.uid, metadata.resourceVersion);
  }
  return all;
}

/** What Kubernetes, too, answers with 500, it answers without a reason; what nobody foresaw has one, and is logged. */
function isForeseen(answer: string): boolean {
  const last = answer.replace(/^HTTP\/1.1 100 [^\r]*\r\n\r\n/, '');
  const body = last.slice(last.indexOf('\r\n\r\n') + 4);
  if (body === '') return true; // of HEAD: the log tells
  const { kind, reason } = JSON.parse(body) as { readonly kind?: string; readonly reason?: string };
  return kind === 'Status' && reason === undefined;
}

const metric = async (name: string): Promise<number> => {
  const { text } = await admin.call('GET', '/metrics');
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
};

it(
  'made-up requests neither end the server nor confuse it',
  async () => {
    await prepare();
    const first = config.seed ?? Math.floor(Math.random() * 2 ** 30);
    console.log(`fuzz: seed ${first} (repeat with SEED=${first})`);
    const before = { sockets: server.sockets(), memory: server.memory() };
    const codes = new Map<string, number>();
    let sent = 0;
    const end = performance.now() + robustConfig.fuzzSeconds * 1000;
    for (let round = 0; performance.now() < end; round++) {
      const requests = fc.sample(fuzzRequest, { seed: first + round, numRuns: 30 });
      const answers = await Promise.all(requests.map((request) => send(request, server.port, bench.identity)));
      for (const [i, text] of answers.entries()) {
        const code = /^(?:HTTP\/1.1 100 .*\r\n\r\n)?HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'none';
        codes.set(code, (codes.get(code) ?? 0) + 1);
        const what = `SEED=${first + round}: ${JSON.stringify(requests[i]).slice(0, 1_500)}\n${text.slice(0, 500)}`;
        if (code === '500' && !isForeseen(text))
          throw new Error(`500 for what a client did: ${what}\n${server.errors().slice(-3_000)}`);
      }
      sent += requests.length;
      const alive = await admin.call('GET', '/readyz').catch((error: unknown) => ({ code: 0, text: String(error) }));
      if (alive.code !== 200) {
        throw new Error(`dead after SEED=${first + round}: ${alive.text}\n${server.errors().slice(-3_000)}`);
      }
    }
    console.log(`fuzz: ${sent} requests; answers ${JSON.stringify(Object.fromEntries(codes))}`);
    expect(codes.get('200') ?? 0, 'some requests make sense').toBeGreaterThan(sent / 50);
    expect(codes.get('201') ?? 0, 'some objects are made').toBeGreaterThan(sent / 200);
    expect(codes.get('101') ?? 0, 'some upgrades are made').toBeGreaterThan(sent / 200);

    const signal = new AbortController().signal;
    await waitFor(
      'every connection to be let go',
      async () => (server.sockets() <= before.sockets + 1 ? true : undefined),
      {
        signal,
        timeoutMs: 20_000,
      },
    );
    expect(await metric('apiserver_current_inflight_requests\\{request_kind="readOnly"\\}')).toBe(0);
    expect(await metric('apiserver_current_inflight_requests\\{request_kind="mutating"\\}')).toBe(0);
    expect(await metric('apiserver_longrunning_requests\\{verb="watch"\\}')).toBe(0);
    const { now, peak } = server.memory();
    console.log(`fuzz: resident memory before ${before.memory.now} MiB, after ${now} MiB, peak ${peak} MiB`);

    // What is being deleted by the server itself must come to its end first.
    let revision = -1;
    await waitFor(
      'the state to rest',
      async () => {
        const last = revision;
        revision = await metric('polarstack_store_revision');
        return last === revision ? true : undefined;
      },
      { signal, timeoutMs: 30_000, intervalMs: 500 },
    );
    const shown = await everything();
    await server.stop();
    expect(server.errors()).not.toMatch(/a request failed|a listener of the store failed|unhandled/i);
    const dir = join(bench.folder, 'state');
    expect((await inspect(dir)).problems).toEqual([]);
    const store = await openObjectStore({ dir, logger: silentLogger });
    const kept = new Map(
      store.list('').map(({ object }) => [String(object.metadata.uid), object.metadata.resourceVersion] as const),
    );
    await store.close();
    for (const [uid, version] of shown) expect(kept.get(uid), uid).toBe(version);
    expect(readdirSync(bench.folder)).toContain('audit.log');
  },
  robustConfig.fuzzSeconds * 1000 + 200_000,
);
