import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { StackError } from '@polarstack/base';
import { Secrets } from '@polarstack/kube';
import { createAuthority, issueCertificate, type KeyPair } from '@polarstack/pki';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { expect, onTestFinished, test } from 'vitest';
import { createAgentDirectory } from './agent-directory.ts';

const cluster = { namespace: 'default', name: 'demo' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** An agent that answers with the number of the certificate that it is called with. */
async function scene() {
  const now = new Date();
  const authority = await createAuthority({ commonName: 'demo', days: 1, now });
  const issue = async (commonName: string, usage: 'server' | 'client'): Promise<KeyPair> =>
    await issueCertificate({ authority, commonName, dnsNames: [commonName], usages: [usage], days: 1, now });
  const { certPem: cert, keyPem: key } = await issue('demo-1-2', 'server');
  const server = createServer({ cert, key, ca: authority.certPem, requestCert: true }, (request, response) => {
    const { serialNumber } = (request.socket as TLSSocket).getPeerCertificate();
    response.end(JSON.stringify({ instanceId: serialNumber }));
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const secret = async (resourceVersion: string): Promise<Secret> => {
    const { certPem, keyPem } = await issue('operator', 'client');
    const data = { 'ca.crt': base64(authority.certPem), 'tls.crt': base64(certPem), 'tls.key': base64(keyPem) };
    return { metadata: { namespace: 'default', name: 'demo-client-operator', resourceVersion }, data };
  };
  return { secret, address: { host: '127.0.0.1', port, serverName: 'demo-1-2' } };
}

test('the identity is taken from the copy of the Secrets without a question to the API, and a renewed one is used at once', async () => {
  const { secret, address } = await scene();
  let copy = await secret('1');
  const api = {
    get: async () => await Promise.reject(new StackError('Internal', 'the API was asked')),
  };
  const directory = createAgentDirectory(api, { get: () => copy });
  onTestFinished(() => directory.close());
  const whoAmI = async () => (await directory.agent(cluster, address).status()).instanceId;
  const first = await whoAmI();
  expect(await whoAmI()).toBe(first);
  copy = await secret('2');
  const second = await whoAmI();
  expect(second).not.toBe(first);
  expect(await whoAmI()).toBe(second);
});

test('where the copy has no Secret the API is asked: once, and again after it failed', async () => {
  const { secret, address } = await scene();
  const stored = await secret('1');
  let asked = 0;
  const api = {
    get: async (resource: unknown) => {
      expect(resource).toBe(Secrets);
      if (++asked === 1) throw new StackError('NotFound', 'not yet');
      return stored as never;
    },
  };
  const directory = createAgentDirectory(api, { get: () => undefined });
  onTestFinished(() => directory.close());
  const call = async () => await directory.agent(cluster, address).status();
  await expect(call()).rejects.toMatchObject({ code: 'NotFound' });
  await call();
  await call();
  expect(asked).toBe(2);
});
