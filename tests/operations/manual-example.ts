import type { MPDCluster, OperationType } from '@polarstack/api';
import type { Row } from '../walks/scene.ts';

/** What the manual knows of the cluster when it types. */
export interface Now {
  readonly leader: string;
  readonly replicas: readonly string[];
  /** A node on which the instance is not. */
  readonly elsewhere: (instance: string) => string;
}

export interface Example {
  readonly title: string;
  readonly type: OperationType;
  /** Parameters of the same operation, made as an object. */
  readonly parameters?: (now: Now) => Row;
  /** The patch of the spec that asks for it, where it is asked for by the spec. */
  readonly spec?: Row;
  /** Words after `polarstack plan`. */
  readonly command: (now: Now) => readonly string[];
  readonly kubectl: (now: Now) => Promise<void>;
  /** Done before anything is planned. */
  readonly before?: () => Promise<void>;
}

export function nowOf({ status }: MPDCluster): Now {
  const instances = status?.dbInstanceStatus ?? {};
  const leader = status?.leaderInstanceId ?? '';
  const replicas = Object.keys(instances)
    .filter((id) => id !== leader)
    .sort((a, b) => Number(a) - Number(b));
  const elsewhere = (id: string): string =>
    ['node-3', 'node-2', 'node-1'].find((node) => node !== instances[id]?.nodeName) ?? '';
  return { leader, replicas, elsewhere };
}
