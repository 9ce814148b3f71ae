/**
 * What the agents of clusters say now: each is asked once, side by side, for a short time. An agent that does not answer,
 * or must not be asked, has no report; that is no error, since the API has an older answer.
 *
 * The identity is the operator's towards the cluster's agents (Secret `<c>-client-operator`): whoever may not read it
 * sees what the API has seen.
 */
import { type MPDCluster, names } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { type AgentStatus, createAgentClient } from '@polarstack/contracts';
import { isCreated, secretValue } from '@polarstack/domain';
import { type KubeClient, Secrets } from '@polarstack/kube';

/** By name of the instance's pod. */
export type AgentReports = ReadonlyMap<string, AgentStatus>;

export interface AgentQuestion {
  readonly client: KubeClient;
  /** Told why agents of a cluster cannot be asked at all. */
  readonly onRefused: (why: string) => void;
  readonly signal: AbortSignal;
  /** How long each agent may take, and all of them together, in milliseconds. */
  readonly eachMs?: number;
  readonly allMs?: number;
}

const EACH_MS = 500;
const ALL_MS = 3_000;
/** Clusters asked at a time. */
const AT_ONCE = 16;

interface Identity {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** Answers the reports of each cluster, in the order given. */
export async function askAgents(
  clusters: readonly MPDCluster[],
  question: AgentQuestion,
): Promise<readonly AgentReports[]> {
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(), question.allMs ?? ALL_MS);
  const onAbort = (): void => own.abort();
  question.signal.addEventListener('abort', onAbort, { once: true });
  const answers: AgentReports[] = clusters.map(() => new Map());
  const left = [...clusters.entries()];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined && !own.signal.aborted; next = left.shift()) {
      const [index, cluster] = next;
      answers[index] = await askCluster(cluster, question, own.signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, clusters.length) }, worker));
  } finally {
    clearTimeout(timer);
    question.signal.removeEventListener('abort', onAbort);
  }
  question.signal.throwIfAborted();
  return answers;
}

async function askCluster(cluster: MPDCluster, question: AgentQuestion, signal: AbortSignal): Promise<AgentReports> {
  const instances = Object.values(cluster.status?.dbInstanceStatus ?? {}).flatMap(({ podName, netInfo }) =>
    podName && netInfo?.workingHostIP && netInfo.agentPort
      ? [{ serverName: podName, host: netInfo.workingHostIP, port: netInfo.agentPort }]
      : [],
  );
  const identity = instances.length === 0 ? undefined : await identityFor(cluster, question, signal);
  if (!identity) return new Map();
  const reports = await Promise.all(
    instances.map(async (instance): Promise<readonly [string, AgentStatus] | undefined> => {
      const agent = createAgentClient({ ...instance, ...identity, timeoutMs: question.eachMs ?? EACH_MS });
      try {
        return [instance.serverName, await agent.status(signal)];
      } catch {
        // Whatever the reason: nobody has answered for this instance, and that is what is shown.
        return undefined;
      } finally {
        agent.close();
      }
    }),
  );
  return new Map(reports.filter((report) => report !== undefined));
}

async function identityFor(
  cluster: MPDCluster,
  { client, onRefused }: AgentQuestion,
  signal: AbortSignal,
): Promise<Identity | undefined> {
  const { namespace = 'default', name = '' } = cluster.metadata;
  const secretName = names.client(name, 'operator');
  try {
    const secret = await client.get(Secrets, { namespace, name: secretName }, signal);
    const [caPem, certPem, keyPem] = ['ca.crt', 'tls.crt', 'tls.key'].map((key) => secretValue(secret, key));
    if (caPem && certPem && keyPem) return { caPem, certPem, keyPem };
    throw new StackError('SecretMissing', `Secret ${secretName} is not complete`);
  } catch (error) {
    if (signal.aborted) return undefined;
    if (isStackError(error, 'ApiUnreachable')) throw error;
    // A cluster that is being made, or removed, has none for a while.
    const passing = isStackError(error, 'NotFound') && (!isCreated(cluster) || cluster.metadata.deletionTimestamp);
    if (!passing) onRefused(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
