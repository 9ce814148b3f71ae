import type { ContractCase } from '../case.ts';
import { customCases } from './custom.ts';
import { kindCases } from './kinds.ts';
import { lifecycleCases } from './lifecycle.ts';
import { patchCases } from './patches.ts';
import { podCases } from './pods.ts';
import { selectingCases } from './selecting.ts';
import { verbCases } from './verbs.ts';
import { versionCases } from './versions.ts';
import { viewCases } from './views.ts';
import { watchCases } from './watches.ts';

export const allCases: readonly ContractCase[] = [
  ...verbCases,
  ...versionCases,
  ...patchCases,
  ...watchCases,
  ...selectingCases,
  ...lifecycleCases,
  ...kindCases,
  ...customCases,
  ...viewCases,
  ...podCases,
];
