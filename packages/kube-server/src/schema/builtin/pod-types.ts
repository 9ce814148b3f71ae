import type { TypeSection } from '../dsl.ts';

const volumes = `
Volume: awsElasticBlockStore AWSElasticBlockStoreVolumeSource, azureDisk AzureDiskVolumeSource, azureFile AzureFileVolumeSource, cephfs CephFSVolumeSource, cinder CinderVolumeSource, configMap ConfigMapVolumeSource, csi CSIVolumeSource, downwardAPI DownwardAPIVolumeSource, emptyDir EmptyDirVolumeSource, ephemeral EphemeralVolumeSource, fc FCVolumeSource, flexVolume FlexVolumeSource, flocker FlockerVolumeSource, gcePersistentDisk GCEPersistentDiskVolumeSource, gitRepo GitRepoVolumeSource, glusterfs GlusterfsVolumeSource, hostPath HostPathVolumeSource, image ImageVolumeSource, iscsi ISCSIVolumeSource, name! string, nfs NFSVolumeSource, persistentVolumeClaim PersistentVolumeClaimVolumeSource, photonPersistentDisk PhotonPersistentDiskVolumeSource, portworxVolume PortworxVolumeSource, projected ProjectedVolumeSource, quobyte QuobyteVolumeSource, rbd RBDVolumeSource, scaleIO ScaleIOVolumeSource, secret SecretVolumeSource, storageos StorageOSVolumeSource, vsphereVolume VsphereVirtualDiskVolumeSource
ConfigMapVolumeSource: defaultMode int=420, items [KeyToPath], name string, optional bool
CSIVolumeSource: driver! string, fsType string, nodePublishSecretRef LocalObjectReference, readOnly bool, volumeAttributes {string}
DownwardAPIVolumeSource: defaultMode int=420, items [DownwardAPIVolumeFile]
DownwardAPIVolumeFile: fieldRef ObjectFieldSelector, mode int, path! string, resourceFieldRef ResourceFieldSelector
EmptyDirVolumeSource: medium string, sizeLimit quantity
EphemeralVolumeSource: volumeClaimTemplate PersistentVolumeClaimTemplate
PersistentVolumeClaimTemplate: metadata ObjectMeta, spec! PersistentVolumeClaimSpec
HostPathVolumeSource: path! string, type string
ISCSIVolumeSource: chapAuthDiscovery bool, chapAuthSession bool, fsType string, initiatorName string, iqn! string, iscsiInterface string, lun! int, portals [string], readOnly bool, secretRef LocalObjectReference, targetPortal! string
NFSVolumeSource: path! string, readOnly bool, server! string
PersistentVolumeClaimVolumeSource: claimName! string, readOnly bool
ProjectedVolumeSource: defaultMode int=420, sources [VolumeProjection]
VolumeProjection: clusterTrustBundle ClusterTrustBundleProjection, configMap ConfigMapProjection, downwardAPI DownwardAPIProjection, secret SecretProjection, serviceAccountToken ServiceAccountTokenProjection, podCertificate PodCertificateProjection
ConfigMapProjection: items [KeyToPath], name string, optional bool
DownwardAPIProjection: items [DownwardAPIVolumeFile]
SecretProjection: items [KeyToPath], name string, optional bool
ServiceAccountTokenProjection: audience string, expirationSeconds int, path! string
SecretVolumeSource: defaultMode int=420, items [KeyToPath], optional bool, secretName string
KeyToPath: key! string, mode int, path! string
`;

const containerFields =
  'args [string], command [string], env [EnvVar]@name, envFrom [EnvFromSource], image string, imagePullPolicy string(Always|IfNotPresent|Never), lifecycle Lifecycle, livenessProbe Probe, name! string, ports [ContainerPort]@containerPort+protocol, readinessProbe Probe, resizePolicy [ContainerResizePolicy], resources ResourceRequirements={}, restartPolicy string, securityContext SecurityContext, startupProbe Probe, stdin bool, stdinOnce bool, terminationMessagePath string=/dev/termination-log, terminationMessagePolicy string(File|FallbackToLogsOnError)=File, tty bool, volumeDevices [VolumeDevice]@devicePath, volumeMounts [VolumeMount]@mountPath, workingDir string, restartPolicyRules [ContainerRestartRule]';

const containers = `
Container: ${containerFields}
EphemeralContainer: ${containerFields}, targetContainerName string
EnvVar: name! string, value string, valueFrom EnvVarSource
EnvVarSource: configMapKeyRef ConfigMapKeySelector, fieldRef ObjectFieldSelector, resourceFieldRef ResourceFieldSelector, secretKeyRef SecretKeySelector, fileKeyRef FileKeySelector
ConfigMapKeySelector~: key! string, name string, optional bool
ObjectFieldSelector~: apiVersion string=v1, fieldPath! string
ResourceFieldSelector~: containerName string, divisor quantity, resource! string
SecretKeySelector~: key! string, name string, optional bool
EnvFromSource: configMapRef ConfigMapEnvSource, prefix string, secretRef SecretEnvSource
ConfigMapEnvSource: name string, optional bool
SecretEnvSource: name string, optional bool
Lifecycle: postStart LifecycleHandler, preStop LifecycleHandler, stopSignal string
LifecycleHandler: exec ExecAction, httpGet HTTPGetAction, sleep SleepAction, tcpSocket TCPSocketAction
ExecAction: command [string]
HTTPGetAction: host string, httpHeaders [HTTPHeader], path string=/, port! intstr, scheme string(HTTP|HTTPS)=HTTP
HTTPHeader: name! string, value* string
SleepAction: seconds! int
TCPSocketAction: host string, port! intstr
Probe: exec ExecAction, failureThreshold int=3, grpc GRPCAction, httpGet HTTPGetAction, initialDelaySeconds int, periodSeconds int=10, successThreshold int=1, tcpSocket TCPSocketAction, terminationGracePeriodSeconds int, timeoutSeconds int=1
GRPCAction: port! int, service string
ContainerPort: containerPort! int, hostIP string, hostPort int, name string, protocol string(SCTP|TCP|UDP)=TCP
ContainerResizePolicy: resourceName! string, restartPolicy! string
ResourceRequirements: claims [ResourceClaim]#name, limits {quantity}, requests {quantity}
ResourceClaim: name! string, request string
SecurityContext: allowPrivilegeEscalation bool, appArmorProfile AppArmorProfile, capabilities Capabilities, privileged bool, procMount string, readOnlyRootFilesystem bool, runAsGroup int, runAsNonRoot bool, runAsUser int, seLinuxOptions SELinuxOptions, seccompProfile SeccompProfile, windowsOptions WindowsSecurityContextOptions
AppArmorProfile: localhostProfile string, type! string
Capabilities: add [string], drop [string]
SELinuxOptions: level string, role string, type string, user string
SeccompProfile: localhostProfile string, type! string
VolumeDevice: devicePath! string, name! string
VolumeMount: mountPath! string, mountPropagation string, name! string, readOnly bool, recursiveReadOnly string, subPath string, subPathExpr string
`;

const spec = `
Pod: apiVersion string, kind string, metadata ObjectMeta, spec PodSpec={}, status PodStatus
PodSpec: activeDeadlineSeconds int, affinity Affinity, automountServiceAccountToken bool, containers! [Container]@name, dnsConfig PodDNSConfig, dnsPolicy string(ClusterFirst|ClusterFirstWithHostNet|Default|None)=ClusterFirst, enableServiceLinks bool, ephemeralContainers [EphemeralContainer]@name, hostAliases [HostAlias]@ip, hostIPC bool, hostNetwork bool, hostPID bool, hostUsers bool, hostname string, imagePullSecrets [LocalObjectReference]@name, initContainers [Container]@name, nodeName string, nodeSelector {string}~, os PodOS, overhead {quantity}, preemptionPolicy string, priority int, priorityClassName string, readinessGates [PodReadinessGate], resourceClaims [PodResourceClaim]@name, resources ResourceRequirements, restartPolicy string(Always|OnFailure|Never)=Always, runtimeClassName string, schedulerName string=default-scheduler, schedulingGates [PodSchedulingGate]@name, securityContext PodSecurityContext={}, serviceAccount string, serviceAccountName string, setHostnameAsFQDN bool, shareProcessNamespace bool, subdomain string, terminationGracePeriodSeconds int=30, tolerations [Toleration], topologySpreadConstraints [TopologySpreadConstraint]@topologyKey+whenUnsatisfiable, volumes [Volume]@name, hostnameOverride string
PodDNSConfig: nameservers [string], options [PodDNSConfigOption], searches [string]
PodDNSConfigOption: name string, value string
HostAlias: hostnames [string], ip! string
LocalObjectReference~: name string
PodOS: name! string
PodReadinessGate: conditionType! string
PodSchedulingGate: name! string
PodSecurityContext: appArmorProfile AppArmorProfile, fsGroup int, fsGroupChangePolicy string, runAsGroup int, runAsNonRoot bool, runAsUser int, seLinuxChangePolicy string, seLinuxOptions SELinuxOptions, seccompProfile SeccompProfile, supplementalGroups [int], supplementalGroupsPolicy string, sysctls [Sysctl], windowsOptions WindowsSecurityContextOptions
Sysctl: name! string, value* string
Toleration: effect string, key string, operator string, tolerationSeconds int, value string
TopologySpreadConstraint: labelSelector LabelSelector, matchLabelKeys [string], maxSkew! int, minDomains int, nodeAffinityPolicy string, nodeTaintsPolicy string, topologyKey! string, whenUnsatisfiable! string
Affinity: nodeAffinity NodeAffinity, podAffinity PodAffinity, podAntiAffinity PodAntiAffinity
NodeAffinity: preferredDuringSchedulingIgnoredDuringExecution [PreferredSchedulingTerm], requiredDuringSchedulingIgnoredDuringExecution NodeSelector
PreferredSchedulingTerm: preference! NodeSelectorTerm, weight! int
NodeSelector~: nodeSelectorTerms! [NodeSelectorTerm]
NodeSelectorTerm~: matchExpressions [NodeSelectorRequirement], matchFields [NodeSelectorRequirement]
NodeSelectorRequirement: key! string, operator! string, values [string]
PodAffinity: preferredDuringSchedulingIgnoredDuringExecution [WeightedPodAffinityTerm], requiredDuringSchedulingIgnoredDuringExecution [PodAffinityTerm]
WeightedPodAffinityTerm: podAffinityTerm! PodAffinityTerm, weight! int
PodAffinityTerm: labelSelector LabelSelector, matchLabelKeys [string], mismatchLabelKeys [string], namespaceSelector LabelSelector, namespaces [string], topologyKey! string
`;

const status = `
PodStatus: conditions [PodCondition]@type, containerStatuses [ContainerStatus], ephemeralContainerStatuses [ContainerStatus], hostIP string, hostIPs [HostIP]@ip, initContainerStatuses [ContainerStatus], message string, nominatedNodeName string, observedGeneration int, phase string(Pending|Running|Succeeded|Failed|Unknown), podIP string, podIPs [PodIP]@ip, qosClass string, reason string, resize string, resourceClaimStatuses [PodResourceClaimStatus]@name, startTime time, extendedResourceClaimStatus PodExtendedResourceClaimStatus
PodCondition: lastProbeTime time=null, lastTransitionTime time=null, message string, observedGeneration int, reason string, status! string, type! string
HostIP: ip! string
PodIP: ip! string
ContainerStatus: allocatedResources {quantity}, allocatedResourcesStatus [ResourceStatus]@name, containerID string, image* string, imageID* string, lastState ContainerState, name! string, ready* bool, resources ResourceRequirements, restartCount* int, started bool, state ContainerState, user ContainerUser, volumeMounts [VolumeMountStatus]@mountPath, stopSignal string
ContainerState: running ContainerStateRunning, terminated ContainerStateTerminated, waiting ContainerStateWaiting
ContainerStateRunning: startedAt time=null
ContainerStateTerminated: containerID string, exitCode* int, finishedAt time=null, message string, reason string, signal int, startedAt time=null
ContainerStateWaiting: message string, reason string
`;

export const podTypes: TypeSection = { prefix: 'io.k8s.api.core.v1', text: spec + containers + volumes + status };
