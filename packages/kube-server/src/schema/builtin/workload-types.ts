import type { TypeSection } from '../dsl.ts';

const object = 'apiVersion string, kind string, metadata ObjectMeta';
const condition = 'lastTransitionTime time=null, message string, reason string, status! string, type! string';

/** Kinds that make pods from a template, and budgets for their disruption. */
export const workloadTypes: readonly TypeSection[] = [
  {
    prefix: 'io.k8s.api.core.v1',
    text: `
PodTemplateSpec: metadata ObjectMeta, spec PodSpec={}
PodTemplate: ${object}, template PodTemplateSpec={}
ReplicationController: ${object}, spec ReplicationControllerSpec={}, status ReplicationControllerStatus
ReplicationControllerSpec: minReadySeconds int32, replicas int32=1, selector {string}~, template PodTemplateSpec
ReplicationControllerStatus: availableReplicas int32, conditions [ReplicationControllerCondition]@type, fullyLabeledReplicas int32, observedGeneration int, readyReplicas int32, replicas! int32=0
ReplicationControllerCondition: ${condition}
`,
  },
  {
    prefix: 'io.k8s.api.apps.v1',
    text: `
Deployment: ${object}, spec DeploymentSpec={}, status DeploymentStatus
DeploymentSpec: minReadySeconds int32, paused bool, progressDeadlineSeconds int32=600, replicas int32=1, revisionHistoryLimit int32=10, selector! LabelSelector, strategy DeploymentStrategy={}, template! PodTemplateSpec={}
DeploymentStrategy: rollingUpdate RollingUpdateDeployment, type string=RollingUpdate
RollingUpdateDeployment: maxSurge intstr, maxUnavailable intstr
DeploymentStatus: availableReplicas int32, collisionCount int32, conditions [DeploymentCondition]@type, observedGeneration int, readyReplicas int32, replicas int32, terminatingReplicas int32, unavailableReplicas int32, updatedReplicas int32
DeploymentCondition: lastUpdateTime time=null, ${condition}
ReplicaSet: ${object}, spec ReplicaSetSpec={}, status ReplicaSetStatus
ReplicaSetSpec: minReadySeconds int32, replicas int32=1, selector! LabelSelector, template PodTemplateSpec={}
ReplicaSetStatus: availableReplicas int32, conditions [ReplicaSetCondition]@type, fullyLabeledReplicas int32, observedGeneration int, readyReplicas int32, replicas! int32=0, terminatingReplicas int32
ReplicaSetCondition: ${condition}
StatefulSet: ${object}, spec StatefulSetSpec={}, status StatefulSetStatus
StatefulSetSpec: minReadySeconds int32, ordinals StatefulSetOrdinals, persistentVolumeClaimRetentionPolicy StatefulSetPersistentVolumeClaimRetentionPolicy={}, podManagementPolicy string=OrderedReady, replicas int32=1, revisionHistoryLimit int32=10, selector! LabelSelector, serviceName string, template! PodTemplateSpec={}, updateStrategy StatefulSetUpdateStrategy={}, volumeClaimTemplates [PersistentVolumeClaim]
StatefulSetUpdateStrategy: rollingUpdate RollingUpdateStatefulSetStrategy, type string
RollingUpdateStatefulSetStrategy: maxUnavailable intstr, partition int32
StatefulSetPersistentVolumeClaimRetentionPolicy: whenDeleted string(Retain|Delete)=Retain, whenScaled string(Retain|Delete)=Retain
StatefulSetOrdinals: start int32
StatefulSetStatus: availableReplicas int32=0, collisionCount int32, conditions [StatefulSetCondition]@type, currentReplicas int32, currentRevision string, observedGeneration int, readyReplicas int32, replicas! int32=0, updateRevision string, updatedReplicas int32
StatefulSetCondition: ${condition}
DaemonSet: ${object}, spec DaemonSetSpec={}, status DaemonSetStatus
DaemonSetSpec: minReadySeconds int32, revisionHistoryLimit int32=10, selector* LabelSelector, template! PodTemplateSpec={}, updateStrategy DaemonSetUpdateStrategy={}
DaemonSetUpdateStrategy: rollingUpdate RollingUpdateDaemonSet, type string=RollingUpdate
RollingUpdateDaemonSet: maxSurge intstr, maxUnavailable intstr
DaemonSetStatus: collisionCount int32, conditions [DaemonSetCondition]@type, currentNumberScheduled! int32=0, desiredNumberScheduled! int32=0, numberAvailable int32, numberMisscheduled! int32=0, numberReady! int32=0, numberUnavailable int32, observedGeneration int, updatedNumberScheduled int32
DaemonSetCondition: ${condition}
ControllerRevision: ${object}, data raw, revision! int=0
`,
  },
  {
    prefix: 'io.k8s.api.batch.v1',
    text: `
Job: ${object}, spec JobSpec={}, status JobStatus
JobSpec: activeDeadlineSeconds int, backoffLimit int32, backoffLimitPerIndex int32, completionMode string, completions int32, managedBy string, manualSelector bool, maxFailedIndexes int32, parallelism int32, podFailurePolicy PodFailurePolicy, podReplacementPolicy string, selector LabelSelector, successPolicy SuccessPolicy, suspend bool, template! PodTemplateSpec={}, ttlSecondsAfterFinished int32
PodFailurePolicy: rules! [PodFailurePolicyRule]
PodFailurePolicyRule: action* string, onExitCodes PodFailurePolicyOnExitCodesRequirement, onPodConditions [PodFailurePolicyOnPodConditionsPattern]
PodFailurePolicyOnExitCodesRequirement: containerName string, operator* string, values* [int32]#
PodFailurePolicyOnPodConditionsPattern: status* string=True, type! string
SuccessPolicy: rules* [SuccessPolicyRule]
SuccessPolicyRule: succeededCount int32, succeededIndexes string
JobStatus: active int32, completedIndexes string, completionTime time, conditions [JobCondition], failed int32, failedIndexes string, ready int32, startTime time, succeeded int32, terminating int32, uncountedTerminatedPods UncountedTerminatedPods
JobCondition: lastProbeTime time=null, ${condition}
UncountedTerminatedPods: failed [string]#, succeeded [string]#
CronJob: ${object}, spec CronJobSpec={}, status CronJobStatus
CronJobSpec: concurrencyPolicy string(Allow|Forbid|Replace)=Allow, failedJobsHistoryLimit int32=1, jobTemplate! JobTemplateSpec={}, schedule! string, startingDeadlineSeconds int, successfulJobsHistoryLimit int32=3, suspend bool=false, timeZone string
JobTemplateSpec: metadata ObjectMeta, spec JobSpec={}
CronJobStatus: active [ObjectReference], lastScheduleTime time, lastSuccessfulTime time
`,
  },
  {
    prefix: 'io.k8s.api.policy.v1',
    text: `
PodDisruptionBudget: ${object}, spec PodDisruptionBudgetSpec, status PodDisruptionBudgetStatus
PodDisruptionBudgetSpec: maxUnavailable intstr, minAvailable intstr, selector LabelSelector, unhealthyPodEvictionPolicy string(AlwaysAllow|IfHealthyBudget)
PodDisruptionBudgetStatus: conditions [Condition]@type, currentHealthy! int32=0, desiredHealthy! int32=0, disruptedPods {time}, disruptionsAllowed! int32=0, expectedPods! int32=0, observedGeneration int
Eviction: ${object}, deleteOptions DeleteOptions
`,
  },
];
