import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { buildSecret } from '../objects/secret.ts';
import { accountOf, roleOf } from './accounts.ts';
import { newPassword } from './password.ts';
import { scramVerifier } from './scram.ts';

test('the verifier proves and is proved by the exchange printed in RFC 7677', async () => {
  const verifier = await scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'));
  const [, iterations, salt, stored = '', server = ''] =
    /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(verifier) ?? [];
  expect([iterations, salt]).toEqual(['4096', 'W22ZaJ0SNY7soEsUEjb6gQ==']);
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const exchange = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=${salt},i=4096,c=biws,r=${nonce}`;
  const sign = (key: string): Buffer => createHmac('sha256', Buffer.from(key, 'base64')).update(exchange).digest();
  expect(sign(server).toString('base64')).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64');
  const clientKey = proof.map((byte, i) => byte ^ (sign(stored)[i] ?? 0));
  expect(createHash('sha256').update(clientKey).digest('base64')).toBe(stored);
});

test('two verifiers of one password differ, and none contains it', async () => {
  const [a, b] = await Promise.all([scramVerifier('secret'), scramVerifier('secret')]);
  expect(a).not.toBe(b);
  expect(a).not.toContain('secret');
});

test('passwords are long, of letters and digits, and never the same', () => {
  const passwords = Array.from({ length: 200 }, () => newPassword());
  expect(new Set(passwords).size).toBe(200);
  for (const password of passwords) expect(password).toMatch(/^[0-9A-Za-z]{24}$/);
});

test('accounts are read from Secrets of the original form; others are none', async () => {
  const owner = { name: 'demo', namespace: 'default', uid: 'u' };
  const values = { Account: 'aurora', Password: 'pw', Priviledge_type: '7' };
  const account = accountOf(buildSecret(owner, 's', values));
  expect(account).toEqual({ name: 'aurora', password: 'pw', privilege: '7' });
  expect(accountOf(buildSecret(owner, 's', { ...values, Account: '' }))).toBeUndefined();
  expect(accountOf(buildSecret(owner, 's', { username: 'a', password: 'b' }))).toBeUndefined();
  const powers = async (privilege: string) => {
    const { name, verifier, ...rest } = await roleOf({ name: 'x', password: 'pw', privilege });
    expect([name, verifier]).toEqual(['x', expect.stringMatching(/^SCRAM-SHA-256\$4096:/)]);
    return rest;
  };
  expect(await powers('7')).toEqual({ superuser: true });
  expect(await powers('15')).toEqual({ replication: true });
  expect(await powers('1')).toEqual({ createdb: true, createrole: true });
  expect(await powers('')).toEqual({});
});
