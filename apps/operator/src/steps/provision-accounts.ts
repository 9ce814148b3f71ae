import { initdbOptions, labels, type MPDCluster, names } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import type { AgentApi } from '@polarstack/contracts';
import { accountOf, clusterFacts, roleOf, secretValue } from '@polarstack/domain';
import { Secrets } from '@polarstack/kube';
import type { ClusterStepContext } from './services.ts';

/**
 * Makes the accounts of a new cluster and the application's database on its primary: every Secret labelled for the cluster
 * that holds an account, and the application's. Passwords leave the Secrets as verifiers only.
 */
export async function provisionAccounts(step: ClusterStepContext, cluster: MPDCluster, agent: AgentApi): Promise<void> {
  const { namespace, name } = clusterFacts(cluster);
  const labelSelector = `${labels.secretCluster}=${name}`;
  const { items } = await step.services.client.list(Secrets, { namespace, labelSelector }, step.signal);
  const app = items.find(({ metadata }) => metadata?.name === names.app(name));
  const [owner, password] = [app && secretValue(app, 'username'), app && secretValue(app, 'password')];
  if (!owner || !password)
    throw new StackError('SecretMissing', `Secret ${names.app(name)} has no username or password`);
  const accounts = items.flatMap((secret) => accountOf(secret) ?? []).filter((account) => account.name !== owner);
  const roles = await Promise.all([...accounts, { name: owner, password, privilege: '' }].map(roleOf));
  await agent.setRoles(roles, step.signal);
  await agent.setDatabases([{ name: initdbOptions(cluster.spec).database, owner }], step.signal);
}
