/** Overload as clients see it: beside the real server, and by clients who ask for much and read nothing. */
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { waitFor } from '@polarstack/base';
import type { KeyPair } from '@polarstack/pki';
import { findKubeAssets, missing } from '@polarstack/testkit';
import { type Identity, startRealKube } from '@polarstack/testkit/kube-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiChild, type Bench, createBench } from './child.ts';
import { createClient, type HttpClient } from './http-client.ts';

const path = '/api/v1/namespaces/default/configmaps';
const reviews = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const signal = new AbortController().signal;
const opened: TLSSocket[] = [];

async function open(port: number, { caPem: ca }: Identity, keys: KeyPair): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca, cert: keys.certPem, key: keys.keyPem });
  opened.push(socket);
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

/** Takes every seat for writes with bodies that do not come, and answers what the next one is told. */
async function refusal(port: number, identity: Identity, keys: KeyPair, seats: number) {
  for (let i = 0; i < seats; i++) {
    const socket = await open(port, identity, keys);
    socket.write(
      `POST ${reviews} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{`,
    );
  }
  const client = createClient(port, identity, keys);
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: {} };
  try {
    return await waitFor(
      'a request to be refused',
      async () => {
        const answer = await client.call('POST', reviews, body);
        return answer.code === 429 ? answer : undefined;
      },
      { signal, timeoutMs: 30_000 },
    );
  } finally {
    client.close();
  }
}

let bench: Bench;
let server: ApiChild;
let admin: HttpClient;
beforeAll(async () => {
  bench = await createBench();
  server = await bench.start({ server: { overload: { maxWrites: 4, maxWaitMs: 100 } } });
  admin = createClient(server.port, bench.identity);
});
afterAll(async () => {
  for (const socket of opened) socket.destroy();
  admin.close();
  await bench.remove();
});

describe('overload', () => {
  it.skipIf(missing('kube'))('is answered as Kubernetes answers it: code, header and words', async () => {
    const { complete, assets } = findKubeAssets() as { complete: true; assets: Parameters<typeof startRealKube>[0] };
    expect(complete).toBe(true);
    const flags = [
      '--enable-priority-and-fairness=false',
      '--max-mutating-requests-inflight=1',
      '--max-requests-inflight=9',
    ];
    const real = await startRealKube(assets, flags);
    try {
      const theirs = await refusal(real.endpoint.port, real.identity, await real.identity.issue('eve', ['guests']), 1);
      const ours = await refusal(server.port, bench.identity, await bench.identity.issue('eve', ['guests']), 3);
      expect([ours.code, ours.headers['retry-after']]).toEqual([theirs.code, theirs.headers['retry-after']]);
      // The real one sends the sentence alone, from which clients make the Status that ours sends.
      const { message, reason } = JSON.parse(ours.text) as { readonly message: string; readonly reason: string };
      expect([message, reason]).toEqual([theirs.text.trim(), 'TooManyRequests']);
    } finally {
      for (const socket of opened.splice(0)) socket.destroy();
      await real.stop();
    }
  });

  it('by one user who asks for everything and reads nothing bounds memory and harms nobody', async () => {
    for (let i = 0; i < 150; i++) {
      const body = { metadata: { name: `big-${i}` }, data: { pad: 'x'.repeat(30_000) } };
      let { code } = await admin.call('POST', path, body);
      while (code === 429) ({ code } = await admin.call('POST', path, body));
      expect(code).toBe(201);
    }
    const before = server.memory();
    const greedy = await bench.identity.issue('greedy', ['system:masters']);
    for (let i = 0; i < 250; i++) {
      const socket = await open(server.port, bench.identity, greedy);
      socket.pause();
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(3));
    }
    // 250 answers of 4.5 MB, three times.
    for (let i = 0; i < 20; i++) {
      expect((await admin.call('GET', path)).code).toBe(200);
      expect((await admin.call('POST', path, { metadata: { generateName: 'meanwhile-' } })).code).toBe(201);
    }
    const { now, peak } = server.memory();
    console.log(`unread answers: resident memory before ${before.now} MiB, with them ${now} MiB, peak ${peak} MiB`);
    expect(peak).toBeLessThan(before.now + 700);
    for (const socket of opened.splice(0)) socket.destroy();
    await waitFor(
      'the seats to be free',
      async () => {
        const { text } = await admin.call('GET', '/metrics');
        return text.includes('inflight_requests{request_kind="readOnly"} 0') ? true : undefined;
      },
      { signal, timeoutMs: 30_000 },
    );
  });
});
