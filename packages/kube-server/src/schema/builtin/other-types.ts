import type { TypeSection } from '../dsl.ts';

/** Kinds of volumes and other parts of objects that nothing here looks into: they are kept, checked and explained. */
export const otherTypes: readonly TypeSection[] = [
  {
    prefix: 'io.k8s.api.core.v1',
    text: `
AWSElasticBlockStoreVolumeSource: fsType string, partition int32, readOnly bool, volumeID* string
AzureDiskVolumeSource: cachingMode string=ReadWrite, diskName* string, diskURI* string, fsType string=ext4, kind string=Shared, readOnly bool
AzureFileVolumeSource: readOnly bool, secretName* string, shareName* string
CephFSVolumeSource: monitors* [string], path string, readOnly bool, secretFile string, secretRef LocalObjectReference, user string
CinderVolumeSource: fsType string, readOnly bool, secretRef LocalObjectReference, volumeID* string
FCVolumeSource: fsType string, lun int32, readOnly bool, targetWWNs [string], wwids [string]
FlexVolumeSource: driver* string, fsType string, options {string}, readOnly bool, secretRef LocalObjectReference
FlockerVolumeSource: datasetName string, datasetUUID string
GCEPersistentDiskVolumeSource: fsType string, partition int32, pdName* string, readOnly bool
GitRepoVolumeSource: directory string, repository* string, revision string
GlusterfsVolumeSource: endpoints* string, path* string, readOnly bool
ImageVolumeSource: pullPolicy string, reference string
PhotonPersistentDiskVolumeSource: fsType string, pdID* string
PortworxVolumeSource: fsType string, readOnly bool, volumeID* string
QuobyteVolumeSource: group string, readOnly bool, registry* string, tenant string, user string, volume* string
RBDVolumeSource: fsType string, image* string, keyring string=/etc/ceph/keyring, monitors* [string], pool string=rbd, readOnly bool, secretRef LocalObjectReference, user string=admin
ScaleIOVolumeSource: fsType string=xfs, gateway* string, protectionDomain string, readOnly bool, secretRef* LocalObjectReference, sslEnabled bool, storageMode string=ThinProvisioned, storagePool string, system* string, volumeName string
StorageOSVolumeSource: fsType string, readOnly bool, secretRef LocalObjectReference, volumeName string, volumeNamespace string
VsphereVirtualDiskVolumeSource: fsType string, storagePolicyID string, storagePolicyName string, volumePath* string
ClusterTrustBundleProjection: labelSelector LabelSelector, name string, optional bool, path* string, signerName string
PodCertificateProjection: certificateChainPath string, credentialBundlePath string, keyPath string, keyType* string, maxExpirationSeconds int32, signerName* string
ContainerRestartRule: action* string, exitCodes ContainerRestartRuleOnExitCodes
FileKeySelector~: key* string, optional bool, path* string, volumeName* string
WindowsSecurityContextOptions: gmsaCredentialSpec string, gmsaCredentialSpecName string, hostProcess bool, runAsUserName string
PodResourceClaim: name* string, resourceClaimName string, resourceClaimTemplateName string
PodAntiAffinity: preferredDuringSchedulingIgnoredDuringExecution [WeightedPodAffinityTerm], requiredDuringSchedulingIgnoredDuringExecution [PodAffinityTerm]
PodResourceClaimStatus: name* string, resourceClaimName string
PodExtendedResourceClaimStatus: requestMappings* [ContainerExtendedResourceRequest], resourceClaimName* string
ResourceStatus: name* string, resources [ResourceHealth]#resourceID
ContainerUser: linux LinuxContainerUser
VolumeMountStatus: mountPath* string, name* string, readOnly bool, recursiveReadOnly string
NodeConfigSource: configMap ConfigMapNodeConfigSource
NodeConfigStatus: active NodeConfigSource, assigned NodeConfigSource, error string, lastKnownGood NodeConfigSource
NodeFeatures: supplementalGroupsPolicy bool
NodeRuntimeHandler: features NodeRuntimeHandlerFeatures, name string
NodeSwapStatus: capacity int
PortStatus: error string, port* int32, protocol* string
AzureFilePersistentVolumeSource: readOnly bool, secretName* string, secretNamespace string, shareName* string
CephFSPersistentVolumeSource: monitors* [string], path string, readOnly bool, secretFile string, secretRef SecretReference, user string
CinderPersistentVolumeSource: fsType string, readOnly bool, secretRef SecretReference, volumeID* string
FlexPersistentVolumeSource: driver* string, fsType string, options {string}, readOnly bool, secretRef SecretReference
GlusterfsPersistentVolumeSource: endpoints* string, endpointsNamespace string, path* string, readOnly bool
ISCSIPersistentVolumeSource: chapAuthDiscovery bool, chapAuthSession bool, fsType string, initiatorName string, iqn* string, iscsiInterface string=default, lun* int32, portals [string], readOnly bool, secretRef SecretReference, targetPortal* string
RBDPersistentVolumeSource: fsType string, image* string, keyring string=/etc/ceph/keyring, monitors* [string], pool string=rbd, readOnly bool, secretRef SecretReference, user string=admin
ScaleIOPersistentVolumeSource: fsType string=xfs, gateway* string, protectionDomain string, readOnly bool, secretRef* SecretReference, sslEnabled bool, storageMode string=ThinProvisioned, storagePool string, system* string, volumeName string
StorageOSPersistentVolumeSource: fsType string, readOnly bool, secretRef ObjectReference, volumeName string, volumeNamespace string
ModifyVolumeStatus: status* string, targetVolumeAttributesClassName string
ContainerRestartRuleOnExitCodes: operator* string, values [int32]#
ContainerExtendedResourceRequest: containerName* string, requestName* string, resourceName* string
ResourceHealth: health string, resourceID* string
LinuxContainerUser: gid* int, supplementalGroups [int], uid* int
ConfigMapNodeConfigSource: kubeletConfigKey* string, name* string, namespace* string, resourceVersion string, uid string
NodeRuntimeHandlerFeatures: recursiveReadOnlyMounts bool, userNamespaces bool
`,
  },
  {
    prefix: 'io.k8s.api.authorization.v1',
    text: `
FieldSelectorAttributes: rawSelector string, requirements [FieldSelectorRequirement]
LabelSelectorAttributes: rawSelector string, requirements [LabelSelectorRequirement]
`,
  },
  {
    prefix: 'io.k8s.apimachinery.pkg.apis.meta.v1',
    text: `
FieldSelectorRequirement: key* string, operator* string, values [string]
`,
  },
];
