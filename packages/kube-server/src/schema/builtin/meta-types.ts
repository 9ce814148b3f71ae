import type { TypeSection } from '../dsl.ts';

export const metaTypes: TypeSection = {
  prefix: 'io.k8s.apimachinery.pkg.apis.meta.v1',
  text: `
ObjectMeta: annotations {string}, creationTimestamp time, deletionGracePeriodSeconds int, deletionTimestamp time, finalizers [string]@, generateName string, generation int, labels {string}, managedFields [ManagedFieldsEntry], name string, namespace string, ownerReferences [OwnerReference]@uid, resourceVersion string, selfLink string, uid string
ManagedFieldsEntry: apiVersion string, fieldsType string, fieldsV1 fields, manager string, operation string, subresource string, time time
OwnerReference~: apiVersion! string, blockOwnerDeletion bool, controller bool, kind! string, name! string, uid! string
LabelSelector~: matchExpressions [LabelSelectorRequirement], matchLabels {string}
LabelSelectorRequirement: key! string, operator! string, values [string]
Condition: lastTransitionTime! time, message* string, observedGeneration int, reason! string, status! string, type! string
DeleteOptions: apiVersion string, dryRun [string], gracePeriodSeconds int, kind string, orphanDependents bool, preconditions Preconditions, propagationPolicy string, ignoreStoreReadErrorWithClusterBreakingPotential bool
Preconditions: resourceVersion string, uid string
`,
};
