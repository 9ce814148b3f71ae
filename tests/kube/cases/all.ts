import type { ContractCase } from '../case.ts';
import { patchCases } from './patches.ts';
import { verbCases } from './verbs.ts';
import { versionCases } from './versions.ts';
import { watchCases } from './watches.ts';

export const allCases: readonly ContractCase[] = [...verbCases, ...versionCases, ...patchCases, ...watchCases];
