import { defineWorkflow } from '@polarstack/workflow';
import { admitMembersStep } from '../steps/admit-members.ts';
import { allocateMembersStep } from '../steps/allocate-members.ts';
import { applyParameters, checkParameters } from '../steps/apply-parameters.ts';
import { awaitReplay } from '../steps/await-replay.ts';
import { createMembersStep } from '../steps/create-members.ts';
import { extendVolumes, recordVolumes } from '../steps/extend-volumes.ts';
import { joinMembersStep } from '../steps/join-members.ts';
import { rebuildMember } from '../steps/rebuild-member.ts';
import { recordClass } from '../steps/record-class.ts';
import { recordFollowers } from '../steps/record-followers.ts';
import { recordParameters } from '../steps/record-parameters.ts';
import { recordVersion } from '../steps/record-version.ts';
import { recreatePodStep } from '../steps/recreate-pod.ts';
import { removeMemberStep } from '../steps/remove-member.ts';
import { renewPod } from '../steps/renew-pod.ts';
import { restartEngine, restartEngines } from '../steps/restart-engine.ts';
import type { ClusterStep, Services } from '../steps/services.ts';
import { switchPrimary } from '../steps/switch-primary.ts';
import { updateRunningStatus } from '../steps/update-running-status.ts';
import { verifyCluster } from '../steps/verify-cluster.ts';

/** The definitions that plans are made of; which of them run, in which order and on what, says the plan. */
const steps: readonly ClusterStep[] = [
  admitMembersStep,
  allocateMembersStep,
  applyParameters,
  awaitReplay,
  checkParameters,
  createMembersStep,
  extendVolumes,
  recordVolumes,
  joinMembersStep,
  rebuildMember,
  recordClass,
  recordFollowers,
  recordParameters,
  recordVersion,
  recreatePodStep,
  removeMemberStep,
  renewPod,
  restartEngine,
  restartEngines,
  switchPrimary,
  verifyCluster,
  updateRunningStatus,
];

export const operationWorkflow = defineWorkflow<Services>({ name: 'operation/1', steps });
