import type { AgentStatus } from '@polarstack/contracts';

/** What was learned of a member a moment ago: its agent's word, or why it said none. */
export type MemberLook = { readonly status: AgentStatus } | { readonly unreachable: string };

/** By instance id. */
export type ClusterLook = ReadonlyMap<string, MemberLook>;

export const statusOf = (look: ClusterLook, instanceId: string): AgentStatus | undefined => {
  const seen = look.get(instanceId);
  return seen && 'status' in seen ? seen.status : undefined;
};

/** Why nothing is known of a member. */
export const silenceOf = (look: ClusterLook, instanceId: string): string | undefined => {
  const seen = look.get(instanceId);
  return seen && 'unreachable' in seen ? seen.unreachable : undefined;
};
