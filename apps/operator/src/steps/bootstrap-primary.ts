import { initdbOptions, labels, type MPDCluster, names } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { type Bootstrap, slotName } from '@polarstack/contracts';
import {
  accountOf,
  type ClusterFacts,
  clusterFacts,
  type Member,
  type Membership,
  primaryOf,
  roleOf,
  secretValue,
} from '@polarstack/domain';
import { Secrets } from '@polarstack/kube';
import { engineConfig } from './ensure-parameters.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, membersOf } from './services.ts';
import { awaitTask, waitForAgent } from './wait-for-agent.ts';

/** The epoch of a new cluster. */
export const FIRST_EPOCH = 1;

/** Slots on one instance: one for each other member, for any of them may follow it some day. */
export const slotsFor = ({ members }: Membership, member: Member): readonly string[] =>
  members.filter(({ instanceId }) => instanceId !== member.instanceId).map(({ instanceId }) => slotName(instanceId));

/** The same for every attempt until one failed: a repeated call meets the task that the first one began. */
export const taskId = ({ workflowId, failures }: ClusterStepContext, member: Member): string =>
  `${workflowId.replace('/', '.')}-${member.instanceId}-${failures}`;

export const bootstrapPrimary: ClusterStep = {
  name: 'BootstrapPrimary',
  timeoutMs: 10 * 60_000,
  retry: { limit: 5 },
  run: async (step) => {
    const cluster = await clusterOf(step);
    const membership = membersOf(cluster);
    const primary = primaryOf(membership);
    if (!primary) throw new StackError('Internal', 'the cluster has no primary');
    const [{ agent }, accounts, config] = await Promise.all([
      waitForAgent(step, cluster, primary),
      accountsOf(step, clusterFacts(cluster), cluster),
      engineConfig(cluster, step.services, step.signal),
    ]);
    const { encoding, locale, dataChecksums } = initdbOptions(cluster.spec);
    const bootstrap: Bootstrap = {
      kind: 'initdb',
      term: { epoch: FIRST_EPOCH, role: 'primary' },
      config,
      initdb: { encoding, locale, dataChecksums },
      ...accounts,
      slots: slotsFor(membership, primary),
    };
    await awaitTask(agent, await agent.bootstrap(taskId(step, primary), bootstrap, step.signal), step);
    return undefined;
  },
};

/**
 * The roles and databases of a new cluster: every Secret labelled for it that holds an account, and the application's.
 * Passwords leave the Secrets as verifiers only.
 */
async function accountsOf(step: ClusterStepContext, { namespace, name }: ClusterFacts, cluster: MPDCluster) {
  const labelSelector = `${labels.secretCluster}=${name}`;
  const { items } = await step.services.client.list(Secrets, { namespace, labelSelector }, step.signal);
  const app = items.find(({ metadata }) => metadata?.name === names.app(name));
  const [owner, password] = [app && secretValue(app, 'username'), app && secretValue(app, 'password')];
  if (!owner || !password)
    throw new StackError('SecretMissing', `Secret ${names.app(name)} has no username or password`);
  const accounts = items.flatMap((secret) => accountOf(secret) ?? []).filter((account) => account.name !== owner);
  const roles = await Promise.all([...accounts, { name: owner, password, privilege: '' }].map(roleOf));
  return { roles, databases: [{ name: initdbOptions(cluster.spec).database, owner }] };
}
