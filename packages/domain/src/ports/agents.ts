import type { AgentApi } from '@polarstack/contracts';

/** Where an agent answers, and under which certificate name. */
export interface AgentAddress {
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
}

/** A cluster's agents. Calls fail with `AgentUnreachable` where nobody answers, else with the agent's own error. */
export interface AgentDirectory {
  /** A client of one agent; cheap, connections are kept and shared. */
  agent(cluster: { readonly namespace: string; readonly name: string }, address: AgentAddress): AgentApi;
  /** Drops what is kept for a cluster: its identity changed, or it is gone. */
  forget(cluster: { readonly namespace: string; readonly name: string }): void;
}
