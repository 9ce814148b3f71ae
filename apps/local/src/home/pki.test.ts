import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensurePki } from './pki.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pki-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const DAY = 86_400_000;
const start = new Date();
const after = (days: number): Date => new Date(start.getTime() + days * DAY);

test('makes an authority and its leaves, private to this user, and keeps them', async () => {
  const first = await ensurePki(join(folder, 'pki'), '127.3.0.1', start);
  const second = await ensurePki(join(folder, 'pki'), '127.3.0.1', after(1));
  expect(second).toEqual(first);
  expect(statSync(join(folder, 'pki')).mode & 0o777).toBe(0o700);
  for (const file of readdirSync(join(folder, 'pki'))) expect(statSync(join(folder, 'pki', file)).mode & 0o077).toBe(0);
  const server = new X509Certificate(first.server.certPem);
  expect(server.checkIP('127.3.0.1')).toBe('127.3.0.1');
  expect(server.verify(new X509Certificate(first.caPem).publicKey)).toBe(true);
  expect(() => createSecureContext({ cert: first.server.certPem, key: first.server.keyPem })).not.toThrow();
  const admin = new X509Certificate(first.clients.admin.certPem).subject;
  expect(admin.split('\n').sort()).toEqual(['CN=polarstack-admin', 'O=system:masters']);
  const proxy = new X509Certificate(first.clients.proxy.certPem).subject;
  expect(proxy.split('\n').sort()).toEqual(['CN=polarstack-proxy', 'O=polarstack:proxy']);
});

test('replaces leaves that are due, and the server certificate of another address, but not the authority', async () => {
  const first = await ensurePki(folder, '127.3.0.1', start);
  const moved = await ensurePki(folder, '127.4.0.1', start);
  expect(moved.clients).toEqual(first.clients);
  expect(new X509Certificate(moved.server.certPem).checkIP('127.4.0.1')).toBe('127.4.0.1');
  const later = await ensurePki(folder, '127.4.0.1', after(500));
  expect(later.caPem).toBe(first.caPem);
  expect(later.clients.admin.certPem).not.toBe(first.clients.admin.certPem);
});

test('a clock set back a little changes nothing; one before the authority begins is named', async () => {
  const first = await ensurePki(folder, '127.3.0.1', start);
  expect(await ensurePki(folder, '127.3.0.1', after(-0.9))).toEqual(first);
  await expect(ensurePki(folder, '127.3.0.1', after(-2))).rejects.toMatchObject({ code: 'ClockSetBack' });
});

test('a certificate that names other groups than its identity has now is replaced', async () => {
  const first = await ensurePki(folder, '127.3.0.1', start);
  for (const end of ['crt', 'key'])
    copyFileSync(join(folder, `client-operator.${end}`), join(folder, `client-proxy.${end}`));
  const { clients } = await ensurePki(folder, '127.3.0.1', start);
  expect(clients.operator).toEqual(first.clients.operator);
  expect(new X509Certificate(clients.proxy.certPem).subject).toContain('O=polarstack:proxy');
});
