export { type Account, accountKeys, accountOf, roleOf, systemAccounts } from './accounts/accounts.ts';
export { newPassword } from './accounts/password.ts';
export { scramVerifier } from './accounts/scram.ts';
export {
  appDatabase,
  type ClusterFacts,
  type ClusterPorts,
  clusterFacts,
  DEFAULT_VOLUME_SIZE,
} from './cluster/facts.ts';
export { ALLOCATION_CONFIG_MAP, type Counters, takeIds } from './cluster/ids.ts';
export {
  idsNeeded,
  type Member,
  type MemberRole,
  type Membership,
  membershipFromIds,
  newInstanceEntries,
  primaryOf,
  recordedMembership,
} from './cluster/members.ts';
export {
  defaultPortRanges,
  inRanges,
  type PortRange,
  parsePortRanges,
  portRangeAnnotations,
  takeExternalPort,
  usedPorts,
} from './cluster/ports.ts';
export { instanceTypes, ownedBy, podLabels, roleLabels } from './objects/metadata.ts';
export { buildPod, TERMINATION_GRACE_SECONDS } from './objects/pod.ts';
export { buildConfigMap, buildSecret, secretValue } from './objects/secret.ts';
export { buildService, type ServiceKind, serviceKinds, serviceNames } from './objects/service.ts';
export { buildVolumeClaim } from './objects/volume-claim.ts';
export { isOperationType, type OperationType, operationName, operationTypes } from './plan/operation-names.ts';
export { currentOperation, isFinal, type Plan, planOperation } from './plan/plan-operation.ts';
export { type UnsupportedChange, unsupportedChange } from './plan/unsupported-change.ts';
export type { AgentAddress, AgentDirectory } from './ports/agents.ts';
export { clusterStatus, isCreated, type StatusInput } from './status/cluster-status.ts';
export { type Claim, type ConditionType, conditionOf, mergeConditions } from './status/conditions.ts';
export { lagBytes, parseLsn } from './status/lsn.ts';
export {
  type ClusterSeen,
  type EndpointSeen,
  type InstanceSeen,
  type PodSeen,
  troubleOf,
} from './status/observation.ts';
