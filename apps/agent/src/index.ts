export { type AgentConfig, readConfig } from './config.ts';
export { type RunOptions, runAgent } from './run.ts';
