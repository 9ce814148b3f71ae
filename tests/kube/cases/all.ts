import type { ContractCase } from '../case.ts';
import { applyCases } from './applying.ts';
import { budgetCases } from './budgets.ts';
import { crdChangeCases } from './crd-changes.ts';
import { customCases } from './custom.ts';
import { definitionCases } from './definitions.ts';
import { deletionCases } from './deletions.ts';
import { dryRunCases } from './dry-runs.ts';
import { finishingCases } from './finishing.ts';
import { formatCases } from './formats.ts';
import { jobCases } from './jobs.ts';
import { kindCases } from './kinds.ts';
import { lifecycleCases } from './lifecycle.ts';
import { limitCases } from './limits.ts';
import { pageCases } from './pages.ts';
import { patchCases } from './patches.ts';
import { logOptionCases, podCases } from './pods.ts';
import { policyCases } from './policies.ts';
import { ruleCases } from './rules.ts';
import { selectingCases } from './selecting.ts';
import { verbCases } from './verbs.ts';
import { versionCases } from './versions.ts';
import { viewCases } from './views.ts';
import { watchFormCases } from './watch-forms.ts';
import { watchStartCases } from './watch-starts.ts';
import { watchCases } from './watches.ts';
import { workloadCases } from './workloads.ts';

export const allCases: readonly ContractCase[] = [
  ...verbCases,
  ...versionCases,
  ...patchCases,
  ...applyCases,
  ...watchCases,
  ...watchStartCases,
  ...watchFormCases,
  ...selectingCases,
  ...pageCases,
  ...lifecycleCases,
  ...deletionCases,
  ...dryRunCases,
  ...limitCases,
  ...kindCases,
  ...workloadCases,
  ...jobCases,
  ...budgetCases,
  ...finishingCases,
  ...customCases,
  ...definitionCases,
  ...ruleCases,
  ...crdChangeCases,
  ...formatCases,
  ...policyCases,
  ...viewCases,
  ...podCases,
  ...logOptionCases,
];
