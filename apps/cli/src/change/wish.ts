import type { MPDCluster, OperationType } from '@polarstack/api';
import type { Json } from '@polarstack/base';
import type { Connection } from '../connect/connect.ts';

/**
 * What a verb comes to. `operation`: an MPDOperation is made. `spec`: the cluster's spec is edited, as a person with kubectl or a
 * repository would, and the operator makes the operation; otherwise it would put the cluster back to what its spec says.
 */
export type Wish =
  | { readonly how: 'operation'; readonly type: OperationType; readonly parameters: Parameters }
  | {
      readonly how: 'spec';
      readonly type: OperationType;
      /** Of an operation that does the same, for the case that the spec says so already. */
      readonly parameters: Parameters;
      /** Merge patch of the spec. */
      readonly patch: Readonly<Record<string, unknown>>;
    }
  /** What is asked for is so already. */
  | { readonly how: 'nothing'; readonly message: string };

export type Parameters = Readonly<Record<string, Json>>;

export interface WishContext {
  readonly connection: Connection;
  readonly cluster: MPDCluster;
  readonly signal: AbortSignal;
}
