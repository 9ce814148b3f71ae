import { MPDClusters, names } from '@polarstack/api';
import { silentLogger } from '@polarstack/base';
import { LEAF_DAYS, type LeafSpec, secretValue } from '@polarstack/domain';
import { Secrets } from '@polarstack/kube';
import { createAuthority, notAfter } from '@polarstack/pki';
import { createVirtualClock } from '@polarstack/testkit';
import { afterEach, expect, test } from 'vitest';
import { createScene } from '../testing/scene.ts';
import { issueLeaf } from './issue-leaf.ts';
import { reasonToIssue } from './leaf-state.ts';
import { createCertificateKeeper } from './maintain-certificates.ts';

const DAY_MS = 86_400_000;
const owner = { name: 'demo', namespace: 'default', uid: 'u' };
const spec: LeafSpec = {
  secret: 's',
  commonName: 'demo-1-2',
  dnsNames: ['demo-1-2', 'demo-rw.default.svc'],
  ipAddresses: ['10.0.0.1'],
  usage: 'server',
};
const at = (now: Date, days: number): Date => new Date(now.getTime() + days * DAY_MS);

test('a certificate is issued anew when it is due, names too little, is of another authority, or cannot be read', async () => {
  const now = new Date('2026-06-01T00:00:00Z');
  const authority = await createAuthority({ commonName: 'demo', days: 3650, now });
  const other = await createAuthority({ commonName: 'demo', days: 3650, now });
  const secret = await issueLeaf(owner, authority, spec, now);
  const why = (changed: Partial<LeafSpec> = {}, when = now, ca = authority.certPem) =>
    reasonToIssue({ ...spec, ...changed }, secret, ca, when);
  expect(why()).toBeUndefined();
  expect(why({}, at(now, (LEAF_DAYS * 2) / 3 - 2))).toBeUndefined();
  expect(why({}, at(now, (LEAF_DAYS * 2) / 3 + 1))).toBe('due');
  // A clock set back a little ages nothing; one that was far ahead when it was issued makes it useless now.
  expect(why({}, at(now, -0.5))).toBeUndefined();
  expect(why({}, at(now, -30))).toBe('due');
  expect(why({ ipAddresses: ['10.0.0.1', '10.0.0.9'] })).toBe('names');
  expect(why({ dnsNames: ['other'] })).toBe('names');
  expect(why({}, now, other.certPem)).toBe('other authority');
  expect(reasonToIssue(spec, undefined, authority.certPem, now)).toBe('missing');
  const broken = { ...secret, data: { ...secret.data, 'tls.crt': Buffer.from('nonsense').toString('base64') } };
  expect(reasonToIssue(spec, broken, authority.certPem, now)).toBe('unreadable');
});

let close: () => Promise<void> = async () => {};
afterEach(async () => await close());

test('certificates of a cluster are renewed after two thirds of their life, and not before', async () => {
  const s = await createScene();
  close = s.close;
  const { operator, client } = await s.start();
  await s.create('demo');
  await s.until('demo', 'Ready', 'True');
  await operator.close();
  const cluster = await s.kube.get(MPDClusters, { namespace: 'default', name: 'demo' });
  const clock = createVirtualClock(new Date());
  const forgotten: string[] = [];
  const agents = { ...s.world.agents, forget: ({ name }: { name: string }) => void forgotten.push(name) };
  const noCopies = { secrets: { byIndex: () => [] } };
  const keeper = createCertificateKeeper({ client, agents } as never, noCopies, clock, silentLogger);
  const seen = { instances: new Map(), endpoints: {} } as never;
  const ends = () =>
    Object.fromEntries(
      s.kube.all(Secrets).flatMap((secret) => {
        const cert = secretValue(secret, 'tls.crt');
        return cert ? [[secret.metadata?.name, notAfter(cert).getTime()]] : [];
      }),
    );
  const authority = () => s.kube.all(Secrets).find(({ metadata }) => metadata?.name === names.ca('demo'))?.data;
  const [before, ca] = [ends(), authority()];
  expect(Object.keys(before)).toHaveLength(6);

  await keeper.maintain(cluster, seen, s.signal);
  await clock.advance(59 * DAY_MS);
  await keeper.maintain(cluster, seen, s.signal);
  expect(ends()).toEqual(before);
  expect(forgotten).toEqual([]);

  await clock.advance(2 * DAY_MS);
  await keeper.maintain(cluster, seen, s.signal);
  const after = ends();
  for (const [name, end] of Object.entries(after)) expect(end, name).toBeGreaterThan((before[name] ?? 0) + 50 * DAY_MS);
  expect(authority()).toEqual(ca);
  // The operator's own connections begin anew with the new certificate.
  expect(forgotten).toEqual(['demo']);
});
