export * from './agent.ts';
export { type AgentClient, type AgentClientOptions, createAgentClient } from './agent-client.ts';
export { agentRequests, MAX_TASK_WAIT_MS } from './agent-requests.ts';
export * as guards from './guard.ts';
export * from './pod.ts';
export * from './pulse.ts';
