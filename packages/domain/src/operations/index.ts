export { type AutomaticInput, type AutomaticOperation, automaticOperation, proofOf, SETTLED_MS } from './automatic.ts';
export { bestTarget, lagOf, MAX_SWITCH_LAG_BYTES, unfitness } from './best-target.ts';
export {
  type Move,
  type OperationPlan,
  type Planned,
  planOf,
  type Refusal,
  refused,
  type StepKind,
  type StepPlan,
  stepKinds,
} from './operation-plan.ts';
export { operationStates } from './operation-state.ts';
export {
  instanceOf,
  type NodeFacts,
  type PlanCluster,
  type PlanFacts,
  type PlanInstance,
  planCluster,
} from './plan-facts.ts';
export { isPlanned, planSteps } from './planners/index.ts';
export {
  type AnnotationRequest,
  annotationRequest,
  claimedRequests,
  formatRequest,
  type OperationRequest,
  REQUEST_PREFIX,
  specRequest,
} from './requests.ts';
export {
  claimedSteering,
  formatSteering,
  interruptAnnotations,
  STEER_PREFIX,
  type SteeringAnnotation,
  type SteeringRequest,
  steeringAnnotation,
  superseded,
} from './steering-annotations.ts';
export { ceilingReached, defaultGrowth, type Growth, growthOf, type VolumeFacts } from './volumes.ts';
