export {
  type NewToken,
  newToken,
  parseToken,
  renderToken,
  TOKENS_SECRET,
  type TokenRecord,
  type TokenScope,
  tokenScopes,
  whoseToken,
} from './access/tokens.ts';
export { accountValues, appLocation, appValues } from './accounts/account-values.ts';
export { type Account, accountKeys, accountOf, roleOf, systemAccounts } from './accounts/accounts.ts';
export { newPassword } from './accounts/password.ts';
export { scramVerifier } from './accounts/scram.ts';
export * from './catalog/index.ts';
export { type AppliedSpec, appliedSpec, asApplied } from './cluster/applied-spec.ts';
export {
  appDatabase,
  type ClusterFacts,
  type ClusterPorts,
  clusterFacts,
} from './cluster/facts.ts';
export { ALLOCATION_CONFIG_MAP, type Counters, takeIds } from './cluster/ids.ts';
export {
  addedEntries,
  idsNeeded,
  idsOfNew,
  type Member,
  type MemberRole,
  type Membership,
  membershipFromIds,
  type NewMember,
  newInstanceEntries,
  newMembers,
  primaryOf,
  recordedMembership,
  settledMembership,
  unsettledIds,
  withPrimary,
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
export { type ClassSizes, classInfoOf, type InstanceResources, instanceResources } from './cluster/resources.ts';
export {
  AUTHORITY_DAYS,
  clientLeaves,
  clientRoles,
  LEAF_DAYS,
  type LeafSpec,
  serverLeaf,
} from './identity/leaf-specs.ts';
export { ownedBy, podLabels } from './objects/metadata.ts';
export { buildPod, pinnedTo, TERMINATION_GRACE_SECONDS } from './objects/pod.ts';
export { buildConfigMap, buildSecret, secretValue } from './objects/secret.ts';
export { buildService, type Lead, type ServiceKind, serviceKinds, serviceNames } from './objects/service.ts';
export { buildVolumeClaim } from './objects/volume-claim.ts';
export * from './operations/index.ts';
export { asIf, PLAN_SPEC_ANNOTATION } from './operations/what-if.ts';
export * from './parameters/index.ts';
export { operationName, requestedOperationName, specOperationName } from './plan/operation-names.ts';
export {
  currentOperation,
  isFinal,
  newOperation,
  type Plan,
  planOperation,
  queuedOperations,
} from './plan/plan-operation.ts';
export { defaultRetention, prunable, type Retention } from './plan/retention.ts';
export type { AgentAddress, AgentDirectory } from './ports/agents.ts';
export { clusterStatus, isCreated, type StatusInput } from './status/cluster-status.ts';
export { type Claim, type ConditionType, conditionOf, mergeConditions } from './status/conditions.ts';
export { engineStateName } from './status/instance-entry.ts';
export { lagBytes, parseLsn } from './status/lsn.ts';
export {
  type ClusterSeen,
  type EndpointSeen,
  type Fault,
  type InstanceSeen,
  type PodSeen,
  troubleOf,
} from './status/observation.ts';
export * from './validation/index.ts';
export * from './why/index.ts';
