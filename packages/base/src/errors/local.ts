import { entries } from './entry.ts';

export const localErrors = entries({});
