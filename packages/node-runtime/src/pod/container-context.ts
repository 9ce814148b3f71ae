import type { Clock, Logger } from '@polarstack/base';
import type { Container, Pod } from 'kubernetes-types/core/v1.js';
import type { ContainerPaths } from '../layout.ts';
import type { ProcessScope } from '../process/find-processes.ts';
import type { ImageSpec, RuntimeUser } from '../types.ts';
import type { EnvironmentSources } from './environment.ts';
import type { ContainerRecord } from './pod-record.ts';

/** Says something about the pod that `kubectl describe` shows. */
export type TellEvent = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

/** What all pods of this runtime share. */
export interface RuntimeContext {
  readonly images: readonly ImageSpec[];
  readonly user?: RuntimeUser;
  /** Whom containers run as: the user's uid, or our own. */
  readonly uid: number;
  readonly keeperScript: string;
  readonly binDir: string;
  readonly bootId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxLogBytes: number;
}

/** What a container's runner needs of its pod. */
export interface ContainerContext {
  readonly runtime: RuntimeContext;
  readonly container: Container;
  readonly init: boolean;
  readonly paths: ContainerPaths;
  readonly runFolder: string;
  readonly podIP: string;
  readonly hostIP: string;
  readonly nodeName: string;
  readonly sources: EnvironmentSources;
  /** The newest version of the pod's object. */
  pod(): Pod;
  record(): ContainerRecord;
  save(record: ContainerRecord): Promise<void>;
  /** The processes of this container, as far as its keeper's records (`roots`) and its places tell. */
  scope(roots: ProcessScope['roots']): ProcessScope;
  readonly mayStart: () => boolean;
  readonly tell: TellEvent;
  /** Makes the pod look at its containers again. */
  readonly wake: () => void;
  readonly signal: AbortSignal;
}
