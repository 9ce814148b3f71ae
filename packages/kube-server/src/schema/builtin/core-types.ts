import type { TypeSection } from '../dsl.ts';

const object = 'apiVersion string, kind string, metadata ObjectMeta';

export const coreTypes: TypeSection = {
  prefix: 'io.k8s.api.core.v1',
  text: `
ConfigMap: ${object}, binaryData {bytes}, data {string}, immutable bool
Secret: ${object}, data {bytes}, immutable bool, stringData {string}, type string=Opaque
ServiceAccount: ${object}, automountServiceAccountToken bool, imagePullSecrets [LocalObjectReference]@name, secrets [ObjectReference]@name
ObjectReference~: apiVersion string, fieldPath string, kind string, name string, namespace string, resourceVersion string, uid string
Namespace: ${object}, spec NamespaceSpec, status NamespaceStatus
NamespaceSpec: finalizers [string]
NamespaceStatus: conditions [NamespaceCondition]@type, phase string(Active|Terminating)
NamespaceCondition: lastTransitionTime time=null, message string, reason string, status! string, type! string
Node: ${object}, spec NodeSpec, status NodeStatus
NodeSpec: configSource NodeConfigSource, externalID string, podCIDR string, podCIDRs [string]@, providerID string, taints [Taint], unschedulable bool
Taint: effect! string(NoExecute|NoSchedule|PreferNoSchedule), key! string, timeAdded time, value string
NodeStatus: addresses [NodeAddress]@type, allocatable {quantity}, capacity {quantity}, conditions [NodeCondition]@type, config NodeConfigStatus, daemonEndpoints NodeDaemonEndpoints, features NodeFeatures, images [ContainerImage], nodeInfo NodeSystemInfo, phase string, runtimeHandlers [NodeRuntimeHandler], volumesAttached [AttachedVolume], volumesInUse [string]
NodeAddress: address! string, type! string
NodeCondition: lastHeartbeatTime time=null, lastTransitionTime time=null, message string, reason string, status! string, type! string
NodeDaemonEndpoints: kubeletEndpoint DaemonEndpoint
DaemonEndpoint: Port! int
ContainerImage: names [string], sizeBytes int
NodeSystemInfo: architecture* string, bootID* string, containerRuntimeVersion* string, kernelVersion* string, kubeProxyVersion* string, kubeletVersion* string, machineID* string, operatingSystem* string, osImage* string, systemUUID* string, swap NodeSwapStatus
AttachedVolume: devicePath! string, name! string
Service: ${object}, spec ServiceSpec, status ServiceStatus
ServiceSpec: allocateLoadBalancerNodePorts bool, clusterIP string, clusterIPs [string], externalIPs [string], externalName string, externalTrafficPolicy string(Cluster|Local), healthCheckNodePort int, internalTrafficPolicy string(Cluster|Local), ipFamilies [string(IPv4|IPv6)], ipFamilyPolicy string(PreferDualStack|RequireDualStack|SingleStack), loadBalancerClass string, loadBalancerIP string, loadBalancerSourceRanges [string], ports [ServicePort]@port+protocol, publishNotReadyAddresses bool, selector {string}~, sessionAffinity string(ClientIP|None)=None, sessionAffinityConfig SessionAffinityConfig, trafficDistribution string, type string(ClusterIP|ExternalName|LoadBalancer|NodePort)=ClusterIP
ServicePort: appProtocol string, name string, nodePort int, port! int, protocol string(SCTP|TCP|UDP)=TCP, targetPort intstr
SessionAffinityConfig: clientIP ClientIPConfig
ClientIPConfig: timeoutSeconds int
ServiceStatus: conditions [Condition]@type, loadBalancer LoadBalancerStatus
LoadBalancerStatus: ingress [LoadBalancerIngress]
LoadBalancerIngress: hostname string, ip string, ipMode string, ports [PortStatus]
Event: apiVersion string, kind string, metadata* ObjectMeta, action string, count int, eventTime micro=null, firstTimestamp time=null, involvedObject! ObjectReference, lastTimestamp time=null, message string, reason string, related ObjectReference, reportingComponent string=, reportingInstance string=, series EventSeries, source EventSource={}, type string
EventSeries: count int, lastObservedTime micro=null
EventSource: component string, host string
PersistentVolume: ${object}, spec PersistentVolumeSpec, status PersistentVolumeStatus
PersistentVolumeSpec: accessModes [string(ReadOnlyMany|ReadWriteMany|ReadWriteOnce|ReadWriteOncePod)], awsElasticBlockStore AWSElasticBlockStoreVolumeSource, azureDisk AzureDiskVolumeSource, azureFile AzureFilePersistentVolumeSource, capacity {quantity}, cephfs CephFSPersistentVolumeSource, cinder CinderPersistentVolumeSource, claimRef ObjectReference, csi CSIPersistentVolumeSource, fc FCVolumeSource, flexVolume FlexPersistentVolumeSource, flocker FlockerVolumeSource, gcePersistentDisk GCEPersistentDiskVolumeSource, glusterfs GlusterfsPersistentVolumeSource, hostPath HostPathVolumeSource, iscsi ISCSIPersistentVolumeSource, local LocalVolumeSource, mountOptions [string], nfs NFSVolumeSource, nodeAffinity VolumeNodeAffinity, persistentVolumeReclaimPolicy string(Delete|Recycle|Retain)=Retain, photonPersistentDisk PhotonPersistentDiskVolumeSource, portworxVolume PortworxVolumeSource, quobyte QuobyteVolumeSource, rbd RBDPersistentVolumeSource, scaleIO ScaleIOPersistentVolumeSource, storageClassName string, storageos StorageOSPersistentVolumeSource, volumeAttributesClassName string, volumeMode string(Block|Filesystem)=Filesystem, vsphereVolume VsphereVirtualDiskVolumeSource
CSIPersistentVolumeSource: controllerExpandSecretRef SecretReference, controllerPublishSecretRef SecretReference, driver! string, fsType string, nodeExpandSecretRef SecretReference, nodePublishSecretRef SecretReference, nodeStageSecretRef SecretReference, readOnly bool, volumeAttributes {string}, volumeHandle! string
SecretReference~: name string, namespace string
LocalVolumeSource: fsType string, path! string
VolumeNodeAffinity: required NodeSelector
PersistentVolumeStatus: lastPhaseTransitionTime time, message string, phase string(Available|Bound|Failed|Pending|Released), reason string
PersistentVolumeClaim: ${object}, spec PersistentVolumeClaimSpec, status PersistentVolumeClaimStatus
PersistentVolumeClaimSpec: accessModes [string(ReadOnlyMany|ReadWriteMany|ReadWriteOnce|ReadWriteOncePod)], dataSource TypedLocalObjectReference, dataSourceRef TypedObjectReference, resources VolumeResourceRequirements, selector LabelSelector, storageClassName string, volumeAttributesClassName string, volumeMode string(Block|Filesystem)=Filesystem, volumeName string
TypedLocalObjectReference~: apiGroup string, kind! string, name! string
TypedObjectReference: apiGroup string, kind! string, name! string, namespace string
VolumeResourceRequirements: limits {quantity}, requests {quantity}
PersistentVolumeClaimStatus: accessModes [string], allocatedResourceStatuses {string}, allocatedResources {quantity}, capacity {quantity}, conditions [PersistentVolumeClaimCondition]@type, currentVolumeAttributesClassName string, modifyVolumeStatus ModifyVolumeStatus, phase string(Bound|Lost|Pending)
PersistentVolumeClaimCondition: lastProbeTime time=null, lastTransitionTime time=null, message string, reason string, status! string, type! string
Binding: ${object}, target! ObjectReference
`,
};
