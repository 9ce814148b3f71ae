import type { Endpoint } from '../api.ts';

/** A server under contract. */
export interface ContractServer {
  readonly title: string;
  readonly endpoint: Endpoint;
  /** Ends every process and removes every file of it; also after a failed test. */
  stop(): Promise<void>;
}
