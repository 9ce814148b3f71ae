import type { Clock, Logger } from '@polarstack/base';
import type { KubeClient } from '@polarstack/kube';

/** A node of this machine: a name, an address, and the addresses of its pods. */
export interface NodeSpec {
  readonly name: string;
  /** The node's own address, an IPv4 loopback address (127.B.0.11). */
  readonly address: string;
  /** Address of pod number `i` (1 to 253). */
  podAddress(i: number): string;
}

/** What a container image means here: an environment and folders of programs. */
export interface ImageSpec {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** Come first in the container's PATH. */
  readonly pathDirs: readonly string[];
  readonly sizeBytes: number;
}

/** The system user that containers run as where control itself is root. */
export interface RuntimeUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

export interface NodeRuntimeOptions {
  readonly client: KubeClient;
  /** Folder of the local home; the runtime owns `<home>/nodes`. */
  readonly home: string;
  /** B of the addresses 127.B.x.y. */
  readonly block: number;
  readonly nodes: readonly NodeSpec[];
  readonly images: readonly ImageSpec[];
  /** Needed as root: PostgreSQL refuses root. */
  readonly user?: RuntimeUser;
  /** Only with `user`: pods of these namespaces run as somebody else, whose secrets and processes are closed to all others. */
  readonly usersOfNamespaces?: ReadonlyMap<string, RuntimeUser>;
  /** Folder of the programs that containers call by name; the keeper script is written there too. */
  readonly binDir: string;
  /** Parent of the short folders for sockets. Default `/tmp/polarstack-<uid>`. */
  readonly runBase?: string;
  /** A container's log is rotated beyond this size. Default 10 MiB. */
  readonly maxLogBytes?: number;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Stops managing, as `close()` does. */
  readonly signal: AbortSignal;
}
