import { waitFor } from '@polarstack/base';
import { type KubeClient, Pods, Secrets } from '@polarstack/kube';
import { createAuthority, issueCertificate } from '@polarstack/pki';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFakeApi } from './fake-client.ts';
import { createTestHome, execIn, GENEROUS_MS, isReady, logOf, pod, podThat, sh, type TestHome } from './harness.ts';

let client: KubeClient;
let home: TestHome;

beforeEach(async () => {
  client = createFakeApi().client;
  home = await createTestHome(client);
});
afterEach(async () => {
  await home.dispose();
});

const SERVER = `
const fs = require('node:fs');
const tls = process.env.POLARSTACK_ROOT + '/etc/tls/';
const ready = process.env.POLARSTACK_RUN + '/ready';
const options = { cert: fs.readFileSync(tls + 'tls.crt'), key: fs.readFileSync(tls + 'tls.key') };
const server = require('node:https').createServer(options, (request, response) => {
  console.log('request ' + request.url);
  response.writeHead(fs.existsSync(ready) ? 200 : 503).end();
});
server.on('secureConnection', () => console.log('connection'));
server.listen(7443, process.env.POD_IP);`;

test('httpGet over HTTPS: no certificate is asked for, the connection is kept, readiness follows the answers', async () => {
  const now = new Date();
  const authority = await createAuthority({ commonName: 'ca', days: 1, now });
  const keys = await issueCertificate({ authority, commonName: 'somebody', usages: ['server'], days: 1, now });
  const runtime = await home.start();
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  await client.create(Secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'tls', namespace: 'default' },
    data: { 'tls.crt': base64(keys.certPem), 'tls.key': base64(keys.keyPem) },
  });
  await client.create(
    Pods,
    pod(
      'p',
      {
        command: ['polarstack-keeper', process.execPath, '-e', SERVER],
        env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
        ports: [{ name: 'agent', containerPort: 7443 }],
        volumeMounts: [{ name: 'tls', mountPath: '/etc/tls' }],
        readinessProbe: {
          httpGet: { scheme: 'HTTPS', path: '/readyz', port: 'agent' },
          periodSeconds: 1,
          failureThreshold: 1,
        },
      },
      { volumes: [{ name: 'tls', secret: { secretName: 'tls' } }] },
    ),
  );
  const lines = async (word: string): Promise<number> =>
    (await logOf(runtime, 'p')).split('\n').filter((line) => line.startsWith(word)).length;
  const until = (what: string, check: () => Promise<true | undefined>): Promise<true> =>
    waitFor(what, check, { signal: new AbortController().signal, timeoutMs: GENEROUS_MS, intervalMs: 20 });
  const running = await podThat(client, 'p', 'to run', (p) => p.status?.phase === 'Running');
  await until('it to be asked', async () => ((await lines('request /readyz')) >= 2 ? true : undefined));
  expect(isReady(running)).toBe(false);
  await execIn(runtime, 'p', sh(': > "$POLARSTACK_RUN/ready"'));
  await podThat(client, 'p', 'to be ready', isReady);
  const asked = await lines('request');
  await until('more requests', async () => ((await lines('request')) >= asked + 3 ? true : undefined));
  expect(await lines('connection')).toBeLessThan(await lines('request'));
  await execIn(runtime, 'p', sh('rm "$POLARSTACK_RUN/ready"'));
  await podThat(client, 'p', 'not to be ready', (p) => !isReady(p));
});
