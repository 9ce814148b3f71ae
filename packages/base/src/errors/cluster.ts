import { entries } from './entry.ts';

export const clusterErrors = entries({});
