import { X509Certificate } from 'node:crypto';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createAuthority, isDueForRenewal, issueCertificate, notAfter } from './index.ts';

const now = new Date();
const authority = await createAuthority({ commonName: 'test CA', days: 10, now });

test('a mutual TLS connection knows both sides by their certificates', async () => {
  const server = await issueCertificate({
    authority,
    commonName: 's',
    dnsNames: ['pod-0'],
    usages: ['server'],
    days: 3,
    now,
  });
  const client = await issueCertificate({
    authority,
    commonName: 'operator',
    organizations: ['a', 'b'],
    usages: ['client'],
    days: 3,
    now,
  });
  let seen: unknown;
  const https = createServer(
    { cert: server.certPem, key: server.keyPem, ca: authority.certPem, requestCert: true, rejectUnauthorized: true },
    (req, res) => {
      seen = (req.socket as unknown as { getPeerCertificate(): { subject: unknown } }).getPeerCertificate().subject;
      res.end('ok');
    },
  );
  await new Promise<void>((done) => https.listen(0, '127.0.0.1', done));
  try {
    const { port } = https.address() as AddressInfo;
    const code = await new Promise((resolve, reject) => {
      request(
        {
          host: '127.0.0.1',
          port,
          servername: 'pod-0',
          ca: authority.certPem,
          cert: client.certPem,
          key: client.keyPem,
          agent: false,
        },
        (res) => res.resume().on('end', () => resolve(res.statusCode)),
      )
        .on('error', reject)
        .end();
    });
    expect(code).toBe(200);
    expect(seen).toMatchObject({ CN: 'operator', O: ['a', 'b'] });
  } finally {
    https.close();
  }
});

test('renewal is due at two thirds of the life', async () => {
  const leaf = await issueCertificate({ authority, commonName: 'x', usages: ['client'], days: 5, now });
  expect(new X509Certificate(leaf.certPem).verify(new X509Certificate(authority.certPem).publicKey)).toBe(true);
  expect(Math.abs(notAfter(leaf.certPem).getTime() - now.getTime() - 5 * 86_400_000)).toBeLessThan(2_000);
  expect(isDueForRenewal(leaf.certPem, now)).toBe(false);
  expect(isDueForRenewal(leaf.certPem, new Date(now.getTime() + 3.1 * 86_400_000))).toBe(true);
});
