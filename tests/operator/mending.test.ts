/** What a person can take from a living cluster with kubectl, and how it comes back: real engines, agents and policies. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { labels, MPDClusters, names } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { conditionOf, recordedMembership, secretValue } from '@polarstack/domain';
import {
  ConfigMaps,
  Events,
  type KubeObject,
  PersistentVolumeClaims,
  Pods,
  type Resource,
  Secrets,
  Services,
} from '@polarstack/kube';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createStack, type Stack } from './harness.ts';

let stack: Stack;
const never = new AbortController().signal;
const at = (name: string) => ({ namespace: 'default', name });
const eventually = async <T>(what: string, check: () => Promise<T | undefined>): Promise<T> =>
  await waitFor(what, check, { signal: never, timeoutMs: 60_000, intervalMs: 20 });

const admission = (kind: string, plural: string): Resource<KubeObject> => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind,
  plural,
  namespaced: false,
});
const policies: Readonly<Record<string, Resource<KubeObject>>> = {
  ValidatingAdmissionPolicy: admission('ValidatingAdmissionPolicy', 'validatingadmissionpolicies'),
  ValidatingAdmissionPolicyBinding: admission('ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings'),
};
const protection = (): readonly KubeObject[] => {
  const file = join(import.meta.dirname, '../../deploy/policies/data-protection.yaml');
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as KubeObject);
};
const resourceOf = ({ kind = '' }: KubeObject): Resource<KubeObject> => {
  const resource = policies[kind];
  if (!resource) throw new Error(`the policy file has a ${kind}`);
  return resource;
};

beforeAll(async () => {
  stack = await createStack();
  for (const object of protection()) await stack.client.create(resourceOf(object), object);
  await stack.startOperator();
  await stack.startClusterManager();
  await stack.create('demo', { followerNum: 1 });
  await stack.until('demo', 'Ready');
});
afterAll(async () => await stack.dispose());

const pods = async (): Promise<readonly [string, string]> => {
  const members = recordedMembership(await stack.client.get(MPDClusters, at('demo')))?.members ?? [];
  return [members[0]?.pod ?? '', members[1]?.pod ?? ''];
};

/** SQL as the application does it: with what its Secret says, through the pod or the address that it names. */
async function sql(pod: string, text: string) {
  const app = await stack.client.get(Secrets, at('demo-app'));
  const found = await stack.client.get(Pods, at(pod));
  const ca = (await stack.client.get(ConfigMaps, at(names.ca('demo')))).data?.['ca.crt'];
  const [user, password, database] = ['username', 'password', 'dbname'].map((key) => secretValue(app, key));
  const client = new pg.Client({
    ...{ host: found.status?.podIP, port: 5432, user, password, database },
    ssl: { ca, rejectUnauthorized: true },
  });
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}
const asked = async (pod: string, text: string) =>
  await eventually(`an answer of ${pod}`, async () => await sql(pod, text).catch(() => undefined));

test('services, labels, certificates, passwords and ConfigMaps come back', async () => {
  const { client } = stack;
  const [primary, replica] = await pods();
  await asked(primary, 'create table t as select 42 as x');
  const service = await client.get(Services, at('demo-rw'));
  const password = secretValue(await client.get(Secrets, at('demo-app')), 'password');
  const pod = await client.get(Pods, at(primary));

  const none = { metadata: { labels: { [labels.clusterName]: null }, ownerReferences: null } };
  await client.patch(Pods, at(primary), { type: 'merge', body: none });
  await client.delete(Services, at('demo-rw'));
  for (const name of ['demo-app', names.podTls(replica), names.client('demo', 'operator')]) {
    await client.delete(Secrets, at(name));
  }
  for (const name of [names.ca('demo'), names.runningParams('demo')]) await client.delete(ConfigMaps, at(name));

  const again = await eventually('the service', async () => await client.find(Services, at('demo-rw')));
  // A young service's address is reserved for a while, so that this may be another one: everything follows it.
  const address = again.spec?.clusterIP;
  expect(again.spec?.selector).toEqual(service.spec?.selector);
  await eventually('the labels', async () => {
    const { metadata } = await client.get(Pods, at(primary));
    return metadata?.labels?.[labels.clusterName] === 'demo' && metadata.ownerReferences ? metadata : undefined;
  });
  expect((await client.get(Pods, at(primary))).metadata?.uid).toBe(pod.metadata?.uid);
  const app = await eventually('the password', async () => await client.find(Secrets, at('demo-app')));
  expect(secretValue(app, 'password')).not.toBe(password);
  await eventually('the addresses', async () => {
    const { status } = await client.get(MPDClusters, at('demo'));
    const host = secretValue(await client.get(Secrets, at('demo-app')), 'host');
    return host === address && status?.endpoints?.rw?.host === address ? true : undefined;
  });
  for (const name of [names.ca('demo'), names.runningParams('demo')]) {
    await eventually(name, async () => await client.find(ConfigMaps, at(name)));
  }
  await eventually('the certificate', async () => {
    const secret = await client.find(Secrets, at(names.podTls(replica)));
    const pem = secret && secretValue(secret, 'tls.crt');
    return pem && new X509Certificate(pem).subjectAltName?.includes(`IP Address:${address}`) ? true : undefined;
  });
  expect((await asked(primary, 'select x from t')).rows).toEqual([{ x: 42 }]);
  await stack.until('demo', 'Ready');
});

test("a cluster's claims are deleted by nobody but the operator; a replica without its claim is copied anew", async () => {
  const { client } = stack;
  const [primary, replica] = await pods();
  for (const name of [primary, replica]) {
    await expect(client.delete(PersistentVolumeClaims, at(name))).rejects.toMatchObject({
      code: 'Forbidden',
      message: expect.stringContaining('goes with the cluster or with its instance'),
    });
  }
  const claim = await client.get(PersistentVolumeClaims, at(replica));
  expect(claim.metadata?.deletionTimestamp).toBeUndefined();

  // As where the policy is not in force.
  for (const object of protection()) await client.delete(resourceOf(object), { name: object.metadata?.name ?? '' });
  await eventually('the deletion', async () => {
    await client.delete(PersistentVolumeClaims, at(replica)).catch(() => {});
    return (await client.find(PersistentVolumeClaims, at(replica)))?.metadata?.deletionTimestamp;
  });
  await eventually('the warning', async () => {
    const { status } = await client.get(MPDClusters, at('demo'));
    return conditionOf(status?.conditions, 'Degraded')?.reason === 'DataMissing' ? true : undefined;
  });
  const pod = await client.get(Pods, at(replica));
  await client.delete(Pods, at(replica));
  await eventually('another claim and pod', async () => {
    const [other, next] = [
      await client.find(PersistentVolumeClaims, at(replica)),
      await client.find(Pods, at(replica)),
    ];
    return other && next && other.metadata?.uid !== claim.metadata?.uid && next.metadata?.uid !== pod.metadata?.uid;
  });
  await stack.until('demo', 'Degraded', 'False');
  await stack.until('demo', 'Ready');
  expect((await asked(replica, 'select x from t')).rows).toEqual([{ x: 42 }]);
  const { items } = await client.list(Events, { namespace: 'default' });
  expect(items.map(({ reason }) => reason)).toContain('ReplicaRebuilding');
});

test('a primary that lost its claim stays down and says so, and the cluster can still be deleted', async () => {
  const { client } = stack;
  const [primary] = await pods();
  await client.delete(PersistentVolumeClaims, at(primary));
  await client.delete(Pods, at(primary));
  const told = await eventually('the reason', async () => {
    const { status } = await client.get(MPDClusters, at('demo'));
    const degraded = conditionOf(status?.conditions, 'Degraded');
    return degraded?.message?.includes(`volume claim ${primary} of the primary is gone`) ? degraded : undefined;
  });
  expect(told.reason).toBe('DataMissing');
  await stack.until('demo', 'Available', 'False');
  expect(await client.find(Pods, at(primary))).toBeUndefined();
  expect(await client.find(PersistentVolumeClaims, at(primary))).toBeUndefined();
  await client.delete(MPDClusters, at('demo'));
  await stack.untilGone('demo');
});
