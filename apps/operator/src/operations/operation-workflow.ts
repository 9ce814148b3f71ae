import { defineWorkflow } from '@polarstack/workflow';
import { applyParameters, checkParameters } from '../steps/apply-parameters.ts';
import { awaitReplay } from '../steps/await-replay.ts';
import { recordParameters } from '../steps/record-parameters.ts';
import { restartEngine, restartEngines } from '../steps/restart-engine.ts';
import type { ClusterStep, Services } from '../steps/services.ts';
import { switchPrimary } from '../steps/switch-primary.ts';
import { updateRunningStatus } from '../steps/update-running-status.ts';
import { verifyCluster } from '../steps/verify-cluster.ts';

/** The definitions that plans are made of; which of them run, in which order and on what, says the plan. */
const steps: readonly ClusterStep[] = [
  applyParameters,
  awaitReplay,
  checkParameters,
  recordParameters,
  restartEngine,
  restartEngines,
  switchPrimary,
  verifyCluster,
  updateRunningStatus,
];

export const operationWorkflow = defineWorkflow<Services>({ name: 'operation/1', steps });
