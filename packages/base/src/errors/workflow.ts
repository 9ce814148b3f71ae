import { entries } from './entry.ts';

export const workflowErrors = entries({});
