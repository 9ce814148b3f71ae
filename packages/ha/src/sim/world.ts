/** What the parts of a simulated cluster share. */
import type { LeaseProfile } from '../lease/profile.ts';
import type { SyncConfiguration } from '../sync/configuration.ts';
import type { SyncRecord } from '../sync/elect.ts';
import type { Bug } from './bugs.ts';
import type { Checker } from './checker.ts';
import type { Kernel, Random } from './kernel.ts';
import type { Network } from './network.ts';
import type { Wal } from './wal.ts';

export const instanceIds = ['a', 'b', 'c'] as const;
export const managerIds = ['m0', 'm1'] as const;
export const SYSTEM_ID = 's';

export type Mode = 'sync' | 'async';

/** The HA record, as far as the model has it. */
export interface SimRecord {
  readonly version: number;
  readonly owner: { readonly id: string; readonly generation: number };
  readonly epoch: number;
  readonly primary: string;
  /** Where the primary of the epoch began. */
  readonly began: Wal;
  /** By instance id: since which version, and whether the primary has confirmed it. */
  readonly electable: Readonly<Record<string, { readonly since: number; readonly confirmed: boolean }>>;
  readonly sync: SyncRecord;
  readonly maxTtlMs: number;
  readonly intent?: Intent;
  /** S5: committed, not routed yet. */
  readonly step: 'S5' | 'S8' | 'done';
  readonly evidence: Evidence;
  readonly routed: string;
  /** Only the planted bug reads it: a real time. */
  readonly storedDeadlineMs: number;
}

export interface Intent {
  readonly epoch: number;
  readonly from: string;
  /** The old primary goes on, engine untouched, in the new epoch. */
  readonly inPlace: boolean;
}

export interface Evidence {
  readonly kind: 'new' | 'F1' | 'F4' | 'F5' | 'in-place';
  readonly against: string;
}

/** Where processes can be caught in the act. */
export type Point = 'S0' | 'S4' | 'S7' | 'answer' | 'promote' | 'publish';

export interface World {
  readonly kernel: Kernel;
  readonly random: Random;
  readonly network: Network;
  readonly checker: Checker;
  readonly mode: Mode;
  readonly profile: LeaseProfile;
  readonly has: (bug: Bug) => boolean;
  /** Says that a process of `who` is about to go on beyond a point; a fault may wait for that. */
  readonly pass: (point: Point, who: string, primary?: string) => void;
}

/** What an agent tells its owner. */
export interface Pulse {
  readonly instanceId: string;
  readonly epoch: number;
  readonly role: 'primary' | 'replica' | 'sealed' | 'none';
  readonly generation: number;
  readonly tip: Wal;
  readonly engine: {
    readonly up: boolean;
    readonly answers: boolean;
    readonly role: 'primary' | 'replica';
    readonly epoch: number;
    readonly open: boolean;
  };
  readonly following: string | undefined;
  readonly streaming: boolean;
  readonly upstreamHeardMs: number;
  readonly effectiveVersion: number;
  readonly provenVersion: number;
  readonly knownVersion: number;
}

/** A command of the owner; each is idempotent. */
export type Order = { readonly epoch: number; readonly generation: number } & (
  | { readonly kind: 'hello'; readonly manager: string }
  | { readonly kind: 'seal'; readonly proof?: 'F1' }
  | { readonly kind: 'stay' }
  | { readonly kind: 'fence' }
  | {
      readonly kind: 'promote';
      readonly configuration: SyncConfiguration | undefined;
      readonly known: Known;
      /** Only the planted bug pushes a grant; when it was sent in real time is for the checker. */
      readonly grantedMs?: number;
      readonly sentMs?: number;
    }
  | { readonly kind: 'follow'; readonly upstream: string; readonly mayRewind: boolean }
  | { readonly kind: 'apply'; readonly configuration: SyncConfiguration }
  | { readonly kind: 'confirm'; readonly published: readonly SyncConfiguration[] }
  | { readonly kind: 'know'; readonly known: Known }
);

export interface Known {
  readonly version: number;
  readonly electable: readonly string[];
}

export const knownOf = ({ electable, version }: SimRecord): Known => ({ version, electable: Object.keys(electable) });

export type OrderAnswer =
  | { readonly kind: 'pulse'; readonly pulse: Pulse }
  | { readonly kind: 'sealed'; readonly instanceId: string; readonly epoch: number; readonly tip: Wal }
  | { readonly kind: 'stays'; readonly instanceId: string; readonly epoch: number; readonly tip: Wal }
  | { readonly kind: 'fenced'; readonly instanceId: string; readonly epoch: number; readonly tip: Wal };

export const stepOf: Readonly<Record<Order['kind'], number>> = {
  hello: 0,
  know: 0,
  apply: 0,
  confirm: 0,
  // Not 2: where a primary was to go on in place and cannot, it is fenced after it was told to stay.
  fence: 3,
  seal: 3,
  stay: 3,
  promote: 5,
  follow: 8,
};
