import { entries } from './entry.ts';

export const kubeServerErrors = entries({});
