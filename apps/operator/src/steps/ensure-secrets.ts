import { labels, names } from '@polarstack/api';
import {
  accountOf,
  accountValues,
  appValues,
  buildSecret,
  clientLeaves,
  type LeafSpec,
  newPassword,
  serverLeaf,
  serviceKinds,
  systemAccounts,
} from '@polarstack/domain';
import { type KubeClient, Services as KubeServices, Secrets } from '@polarstack/kube';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { ensureAuthority } from '../identity/authority.ts';
import { issueLeaf } from '../identity/issue-leaf.ts';
import { reasonToIssue } from '../identity/leaf-state.ts';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { type EnsureOptions, ensure } from '../kube/ensure.ts';
import { type ClusterStep, clusterOf, membersOf } from './services.ts';

/** Authority, certificates and passwords of the cluster. What is there stays: a password is made once. */
export const ensureSecrets: ClusterStep = {
  name: 'EnsureSecrets',
  timeoutMs: 60_000,
  run: async (step) => {
    const { client, clock } = step.services;
    const cluster = await clusterOf(step);
    const owner = clusterKey(cluster);
    const { logicId, members } = membersOf(cluster);
    const existing = await clusterSecrets(client, owner, step.signal);
    const addresses = await serviceAddresses(client, owner, step.signal);
    const now = clock.now();

    const authority = await ensureAuthority(client, cluster, existing.get(names.ca(owner.name)), now, step.signal);
    const leaves: readonly LeafSpec[] = [
      ...members.map((member) => serverLeaf(owner, member, { services: [...addresses.values()] })),
      ...clientLeaves(owner.name),
    ];
    const make = async (secret: Secret, adopt?: (found: Secret) => boolean): Promise<void> => {
      const options: EnsureOptions<Secret> = { owner: cluster, ...(adopt && { adopt }) };
      await ensure(client, Secrets, secret, options, step.signal);
    };
    await Promise.all([
      ...leaves.map(async (spec) => {
        if (reasonToIssue(spec, existing.get(spec.secret), authority.certPem, now) !== 'missing') return;
        await make(await issueLeaf(owner, authority, spec, now));
      }),
      ...Object.entries(systemAccounts).map(async ([account, privilege]) => {
        const name = names.account(owner.name, logicId, account as keyof typeof systemAccounts);
        if (existing.has(name)) return;
        // A Secret with an account in it, made by the user beforehand, holds.
        await make(
          buildSecret(owner, name, accountValues({ name: account, password: newPassword(), privilege })),
          (found) => !!accountOf(found),
        );
      }),
      (async () => {
        if (existing.has(names.app(owner.name))) return;
        await make(
          buildSecret(owner, names.app(owner.name), appValues(cluster, addresses.get('rw') ?? '', newPassword())),
        );
      })(),
    ]);
    return undefined;
  },
};

/** The Secrets of a cluster by name, those that users made for it included. */
export async function clusterSecrets(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Secret>> {
  const labelSelector = `${labels.secretCluster}=${name}`;
  const { items } = await client.list(Secrets, { namespace, labelSelector }, signal);
  return new Map(items.map((secret) => [secret.metadata?.name ?? '', secret]));
}

/** Cluster addresses of the services, by kind. */
export async function serviceAddresses(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const found = await Promise.all(
    serviceKinds.map(async (kind) => {
      const service = await client.find(KubeServices, { namespace, name: names.service(name, kind) }, signal);
      const ip = service?.spec?.clusterIP;
      return ip && ip !== 'None' ? ([[kind, ip]] as const) : [];
    }),
  );
  return new Map(found.flat());
}
