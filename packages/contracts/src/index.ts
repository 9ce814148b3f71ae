export * from './agent.ts';
export * from './pod.ts';
