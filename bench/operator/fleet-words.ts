/** What the measuring process and the simulated fleet say to each other. Moments are those of {@link now}. */
export type FleetOrder =
  /** These clusters' agents accept and do not answer from now on; all others do. */
  | { readonly type: 'stuck'; readonly clusters: readonly string[] }
  /** `all-called` comes again when every agent has been called since. */
  | { readonly type: 'forget-calls' }
  | { readonly type: 'count' };

export type FleetWord =
  | { readonly type: 'running' }
  /** An agent was asked to check a configuration: the first effect of a change. */
  | { readonly type: 'checked'; readonly cluster: string; readonly at: number }
  | { readonly type: 'all-called'; readonly at: number }
  /** How many calls all agents have had. */
  | { readonly type: 'counted'; readonly calls: number };
