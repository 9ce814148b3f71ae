import type { Agent } from 'node:https';
import type { Identity } from './identity.ts';

/** Where a server listens, with the administrator's certificate in the agent. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly agent: Agent;
}

/** An API server of a test, ours or a real one: both are asked in the same way. */
export interface KubeTestServer {
  readonly kind: 'embedded' | 'real';
  /** For people: `ours`, or `Kubernetes 1.34.4`. */
  readonly title: string;
  readonly endpoint: Endpoint;
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  /** The authority that signed its certificate and issues those of its users. */
  readonly identity: Identity;
  /** Its files; deleted by `stop`. */
  readonly folder: string;
  /** Path of the administrator's kubeconfig (mode 0600). */
  readonly kubeconfig: string;
  /** What the toolkit's client takes: address, authority and the administrator's certificate. */
  readonly connection: {
    readonly server: string;
    readonly caPem: string;
    readonly certPem: string;
    readonly keyPem: string;
  };
  /** Makes what was before unreadable: no watch and no list can go back behind now. For etcd, a compaction. */
  forget(): Promise<void>;
  /** Ends the API server and starts it again on the same port and store. */
  restart(): Promise<void>;
  /** Ends every process and removes every file of it; also after a failed test. */
  stop(): Promise<void>;
}
