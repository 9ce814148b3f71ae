import type { ErrorCode } from '@polarstack/base';
import type { AgentStatus } from '@polarstack/contracts';

/** What was seen of an instance's pod. */
export interface PodSeen {
  readonly uid?: string;
  readonly phase: string;
  readonly ready: boolean;
  readonly deleting: boolean;
  readonly podIP?: string;
  readonly nodeName?: string;
  /** Why it does not run: the scheduler's or the container's reason. */
  readonly trouble?: string;
}

/** What was seen of one instance, and its agent's last answer. */
export interface InstanceSeen {
  readonly pod?: PodSeen;
  /** The node's address for clients. */
  readonly clientIP?: string;
  readonly report?: AgentStatus;
  /** Failed attempts to reach the agent since it last answered. */
  readonly unanswered: number;
}

export interface EndpointSeen {
  readonly host?: string;
  readonly port: number;
  readonly service: string;
  /** Addresses that are ready. */
  readonly ready: number;
}

/** Something of a cluster that is lost and cannot, or not at once, be made again. */
export interface Fault {
  /** A code of the error table. */
  readonly reason: ErrorCode;
  /** What is lost and what helps, in whole sentences; the same as long as the fault is. */
  readonly message: string;
}

export interface ClusterSeen {
  /** What a person should know of; the most important first. */
  readonly faults?: readonly Fault[];
  /** By instance id. */
  readonly instances: ReadonlyMap<string, InstanceSeen>;
  readonly endpoints: Readonly<Record<'rw' | 'ro' | 'r', EndpointSeen>>;
}

/** Attempts that may fail before an agent counts as not answering: one lost packet is no news. */
export const UNANSWERED_LIMIT = 2;

/** What is wrong with an instance that should work, in a few words; undefined where it works. */
export function troubleOf(seen: InstanceSeen | undefined, role: 'primary' | 'replica'): string | undefined {
  const { pod, report, unanswered = 0 } = seen ?? {};
  if (!pod) return 'has no pod';
  if (pod.deleting) return 'its pod is being deleted';
  if (pod.trouble) return pod.trouble;
  if (pod.phase !== 'Running') return `its pod is ${pod.phase || 'unknown'}`;
  if (!report || unanswered >= UNANSWERED_LIMIT) return 'its agent does not answer';
  const { engine } = report;
  if (engine.state !== 'running') return `the engine is ${engine.state}${engine.reason ? `: ${engine.reason}` : ''}`;
  if (engine.role !== role) return `the engine runs as ${engine.role ?? 'unknown'} and should be ${role}`;
  if (role === 'replica' && engine.streaming !== true) return 'it does not stream from the primary';
  if (!pod.ready) return 'its pod is not ready';
  return undefined;
}
