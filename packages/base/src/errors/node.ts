import { entries } from './entry.ts';

export const nodeErrors = entries({});
