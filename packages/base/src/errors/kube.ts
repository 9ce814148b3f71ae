import { entries } from './entry.ts';

export const kubeErrors = entries({});
