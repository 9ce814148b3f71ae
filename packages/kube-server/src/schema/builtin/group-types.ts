import type { TypeSection } from '../dsl.ts';

const object = 'apiVersion string, kind string, metadata ObjectMeta';

/** The kinds outside the core group, one section a group. */
export const groupTypes: readonly TypeSection[] = [
  {
    prefix: 'io.k8s.api.events.v1',
    text: `
EventsEvent>Event: ${object}, action string, deprecatedCount int, deprecatedFirstTimestamp time, deprecatedLastTimestamp time, deprecatedSource EventSource, eventTime* micro, note string, reason string, regarding ObjectReference, related ObjectReference, reportingController string, reportingInstance string, series EventSeries, type string
`,
  },
  {
    prefix: 'io.k8s.api.discovery.v1',
    text: `
EndpointSlice: ${object}, addressType! string(FQDN|IPv4|IPv6), endpoints* [Endpoint], ports [EndpointPort]
Endpoint: addresses! [string], conditions EndpointConditions, deprecatedTopology {string}, hints EndpointHints, hostname string, nodeName string, targetRef ObjectReference, zone string
EndpointConditions: ready bool, serving bool, terminating bool
EndpointHints: forNodes [ForZone], forZones [ForZone]
ForZone: name! string
EndpointPort: appProtocol string, name string, port int, protocol string(SCTP|TCP|UDP)=TCP
`,
  },
  {
    prefix: 'io.k8s.api.coordination.v1',
    text: `
Lease: ${object}, spec LeaseSpec
LeaseSpec: acquireTime micro, holderIdentity string, leaseDurationSeconds int, leaseTransitions int, preferredHolder string, renewTime micro, strategy string
`,
  },
  {
    prefix: 'io.k8s.api.storage.v1',
    text: `
StorageClass: ${object}, allowVolumeExpansion bool, allowedTopologies [TopologySelectorTerm], mountOptions [string], parameters {string}, provisioner! string, reclaimPolicy string(Delete|Retain)=Delete, volumeBindingMode string(Immediate|WaitForFirstConsumer)=Immediate
TopologySelectorTerm~: matchLabelExpressions [TopologySelectorLabelRequirement]
TopologySelectorLabelRequirement: key! string, values! [string]
`,
  },
  {
    prefix: 'io.k8s.api.rbac.v1',
    text: `
Role: ${object}, rules [PolicyRule]
ClusterRole: ${object}, aggregationRule AggregationRule, rules [PolicyRule]
PolicyRule: apiGroups [string], nonResourceURLs [string], resourceNames [string], resources [string], verbs! [string]
AggregationRule: clusterRoleSelectors [LabelSelector]
RoleBinding: ${object}, roleRef! RoleRef, subjects [RbacSubject]
ClusterRoleBinding: ${object}, roleRef! RoleRef, subjects [RbacSubject]
RoleRef~: apiGroup* string=rbac.authorization.k8s.io, kind! string(Role|ClusterRole), name! string
RbacSubject>Subject~: apiGroup string, kind! string(Group|ServiceAccount|User), name! string, namespace string
`,
  },
  {
    prefix: 'io.k8s.api.authorization.v1',
    text: `
SelfSubjectAccessReview: ${object}, spec! SelfSubjectAccessReviewSpec, status SubjectAccessReviewStatus
SelfSubjectAccessReviewSpec: nonResourceAttributes NonResourceAttributes, resourceAttributes ResourceAttributes
NonResourceAttributes: path string, verb string
ResourceAttributes: fieldSelector FieldSelectorAttributes, group string, labelSelector LabelSelectorAttributes, name string, namespace string, resource string, subresource string, verb string, version string
SubjectAccessReviewStatus: allowed bool, denied bool, evaluationError string, reason string
SelfSubjectRulesReview: ${object}, spec! SelfSubjectRulesReviewSpec, status any
SelfSubjectRulesReviewSpec: namespace string
`,
  },
  {
    prefix: 'io.k8s.api.authentication.v1',
    text: `
SelfSubjectReview: ${object}, status SelfSubjectReviewStatus
SelfSubjectReviewStatus: userInfo UserInfo
UserInfo: extra {[string]}, groups [string], uid string, username string
`,
  },
  {
    prefix: 'io.k8s.api.autoscaling.v1',
    text: `
Scale: ${object}, spec ScaleSpec, status ScaleStatus
ScaleSpec: replicas int
ScaleStatus: replicas int, selector string
`,
  },
  {
    prefix: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1',
    text: `
CustomResourceDefinition: ${object}, spec! CustomResourceDefinitionSpec, status CustomResourceDefinitionStatus
CustomResourceDefinitionSpec: conversion CustomResourceConversion, group! string, names! CustomResourceDefinitionNames, preserveUnknownFields bool, scope! string(Cluster|Namespaced), versions! [CustomResourceDefinitionVersion]
CustomResourceConversion: strategy! string(None|Webhook), webhook any
CustomResourceDefinitionNames: categories [string], kind! string, listKind string, plural! string, shortNames [string], singular string
CustomResourceDefinitionVersion: additionalPrinterColumns [CustomResourceColumnDefinition], deprecated bool, deprecationWarning string, name! string, schema CustomResourceValidation, selectableFields [SelectableField], served* bool, storage* bool, subresources CustomResourceSubresources
CustomResourceColumnDefinition: description string, format string, jsonPath! string, name! string, priority int, type! string
CustomResourceValidation: openAPIV3Schema JSONSchemaProps
SelectableField: jsonPath! string
CustomResourceSubresources: scale CustomResourceSubresourceScale, status any
CustomResourceSubresourceScale: labelSelectorPath string, specReplicasPath! string, statusReplicasPath! string
CustomResourceDefinitionStatus: acceptedNames any, conditions [Condition]@type, storedVersions [string]
JSONSchemaProps: $ref string, $schema string, additionalItems any, additionalProperties any, allOf [JSONSchemaProps], anyOf [JSONSchemaProps], default any, definitions any, dependencies any, description string, enum [any], example any, exclusiveMaximum bool, exclusiveMinimum bool, externalDocs any, format string, id string, items JSONSchemaProps, maxItems int, maxLength int, maxProperties int, maximum number, minItems int, minLength int, minProperties int, minimum number, multipleOf number, not JSONSchemaProps, nullable bool, oneOf [JSONSchemaProps], pattern string, patternProperties any, properties {JSONSchemaProps}, required [string], title string, type string, uniqueItems bool, x-kubernetes-embedded-resource bool, x-kubernetes-int-or-string bool, x-kubernetes-list-map-keys [string], x-kubernetes-list-type string, x-kubernetes-map-type string, x-kubernetes-preserve-unknown-fields bool, x-kubernetes-validations [ValidationRule]
ValidationRule: fieldPath string, message string, messageExpression string, optionalOldSelf bool, reason string, rule! string
`,
  },
  {
    prefix: 'io.k8s.api.admissionregistration.v1',
    text: `
ValidatingAdmissionPolicy: ${object}, spec! ValidatingAdmissionPolicySpec, status ValidatingAdmissionPolicyStatus
ValidatingAdmissionPolicySpec: auditAnnotations [AuditAnnotation], failurePolicy string(Fail|Ignore)=Fail, matchConditions [MatchCondition]@name, matchConstraints MatchResources, paramKind ParamKind, validations [Validation], variables [Variable]@name
MatchResources~: excludeResourceRules [NamedRuleWithOperations], matchPolicy string(Equivalent|Exact)=Equivalent, namespaceSelector LabelSelector={}, objectSelector LabelSelector={}, resourceRules [NamedRuleWithOperations]
NamedRuleWithOperations~: apiGroups [string], apiVersions [string], operations [string(*|CONNECT|CREATE|DELETE|UPDATE)], resourceNames [string], resources [string], scope string(*|Cluster|Namespaced)=*
MatchCondition: expression* string, name* string
ParamKind~: apiVersion string, kind string
Validation: expression* string, message string, messageExpression string, reason string(Forbidden|Invalid|RequestEntityTooLarge|Unauthorized)
Variable: expression* string, name* string
AuditAnnotation: key! string, valueExpression! string
ValidatingAdmissionPolicyStatus: conditions [Condition]@type, observedGeneration int, typeChecking TypeChecking
TypeChecking: expressionWarnings [ExpressionWarning]
ExpressionWarning: fieldRef! string, warning! string
ValidatingAdmissionPolicyBinding: ${object}, spec! ValidatingAdmissionPolicyBindingSpec
ValidatingAdmissionPolicyBindingSpec: matchResources MatchResources, paramRef ParamRef, policyName string, validationActions [string(Audit|Deny|Warn)]#
ParamRef~: name string, namespace string, parameterNotFoundAction string, selector LabelSelector
`,
  },
];
