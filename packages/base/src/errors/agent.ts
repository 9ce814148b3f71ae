import { entries } from './entry.ts';

export const agentErrors = entries({});
