import { type MPDCluster, names } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import {
  accountValues,
  appDatabase,
  appLocation,
  appValues,
  buildSecret,
  type ClusterSeen,
  clusterFacts,
  newPassword,
  primaryOf,
  roleOf,
  secretValue,
  systemAccounts,
} from '@polarstack/domain';
import { isOwnedBy, Secrets } from '@polarstack/kube';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { membersOf, type Services } from '../steps/services.ts';
import { beside, type Content } from './content.ts';
import type { Attempt } from './fault.ts';
import { mendObject } from './mend-object.ts';

interface PasswordSecret {
  readonly name: string;
  /** The role, and what it may. */
  readonly role: string;
  readonly privilege: string;
  readonly values: (password: string) => Readonly<Record<string, string>>;
}

/**
 * The Secrets with passwords. One that is gone gets a new password: nobody knows the old one, of which the database has
 * the verifier only. The role is changed first: where that or what follows fails, the next look begins anew.
 */
export async function mendPasswords(
  cluster: MPDCluster,
  seen: ClusterSeen,
  services: Pick<Services, 'client' | 'events' | 'agents'>,
  content: Pick<Content, 'secrets'>,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<void> {
  const { client, events } = services;
  const owner = clusterKey(cluster);
  const { logicId } = membersOf(cluster);
  const host = seen.endpoints.rw.host;
  const app: PasswordSecret = {
    name: names.app(owner.name),
    role: appDatabase(cluster).owner,
    privilege: '',
    values: (password) => appValues(cluster, host ?? '', password),
  };
  const accounts = Object.entries(systemAccounts).map(([role, privilege]): PasswordSecret => {
    const name = names.account(owner.name, logicId, role as keyof typeof systemAccounts);
    return { name, role, privilege, values: (password) => accountValues({ name: role, password, privilege }) };
  });

  const mend = async ({ name, role, privilege, values }: PasswordSecret): Promise<Secret | undefined> => {
    const known = content.secrets.get(beside(cluster, name));
    const make = async (): Promise<Secret> => {
      const agent = primaryAgent(cluster, seen, services);
      const what = `Secret ${name} with the password of role ${role} is gone`;
      if (!agent)
        throw new StackError('SecretMissing', what, { remedy: 'It gets a new one as soon as the primary works.' });
      const password = newPassword();
      await agent.setRoles([await roleOf({ name: role, password, privilege })], signal);
      return await client.create(Secrets, buildSecret(owner, name, values(password)), signal);
    };
    const wanted = buildSecret(owner, name, {});
    const { object, done } = await mendObject(
      { client, resource: Secrets, known, wanted, owner: cluster, make, mayBeUsers: name !== app.name },
      signal,
    );
    if (done === 'made') {
      const message = `Secret ${name} was gone: role ${role} has a new password, in a new Secret`;
      events.record(cluster, { type: 'Warning', reason: 'PasswordReset', message });
    }
    return object;
  };

  await Promise.all([
    ...accounts.map(async (account) => await attempt(async () => void (await mend(account)))),
    attempt(async () => {
      const secret = await mend(app);
      if (secret && host !== undefined) await follow(cluster, secret, host, services, signal);
    }),
  ]);
}

/** The rw service has another address: what the application reads says so. */
async function follow(
  cluster: MPDCluster,
  secret: Secret,
  host: string,
  { client }: Pick<Services, 'client'>,
  signal: AbortSignal,
): Promise<void> {
  const [username, password, dbname] = ['username', 'password', 'dbname'].map((key) => secretValue(secret, key));
  if (!username || !password || !dbname || secret.metadata?.deletionTimestamp !== undefined) return;
  if (secretValue(secret, 'host') === host || !isOwnedBy(secret, cluster)) return;
  const { data } = buildSecret(clusterKey(cluster), '', appLocation({ username, password, dbname }, host));
  const { namespace = 'default', name = '', resourceVersion } = secret.metadata ?? {};
  const body = { metadata: { resourceVersion }, data };
  await client.patch(Secrets, { namespace, name }, { type: 'merge', body }, signal);
}

function primaryAgent(cluster: MPDCluster, seen: ClusterSeen, { agents }: Pick<Services, 'agents'>) {
  const facts = clusterFacts(cluster);
  const primary = primaryOf(membersOf(cluster));
  const { pod, report, unanswered } = (primary && seen.instances.get(primary.instanceId)) ?? { unanswered: 1 };
  if (!primary || !pod?.podIP || unanswered > 0 || report?.engine.state !== 'running') return undefined;
  return agents.agent(facts, { host: pod.podIP, port: facts.ports.agentPort, serverName: primary.pod });
}
