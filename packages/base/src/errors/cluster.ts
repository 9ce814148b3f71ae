import { entries } from './entry.ts';

export const clusterErrors = entries({
  // The operator and its operations.
  ClusterGone: {
    summary: 'The cluster does not exist any more.',
    remedy: 'Nothing, where it was deleted on purpose.',
    retry: 'never',
  },
  SecretMissing: {
    summary: 'A Secret of the cluster is missing or incomplete.',
    remedy: 'Restore the Secret that the message names, or delete the cluster and make it anew.',
    retry: 'later',
  },
  AuthorityMissing: {
    summary: "The Secret with the cluster's certificate authority is gone; its key cannot be made again.",
    remedy:
      'Restore the Secret that the message names from a backup. Until then no certificate is renewed or issued again.',
    retry: 'later',
  },
  DataMissing: {
    summary: 'The volume claim of an instance is gone or going, and the data with it.',
    remedy: 'A replica is copied anew by itself. A primary stays down: restore its claim and data from a backup.',
    retry: 'later',
  },
  NameTaken: {
    summary: 'An object that the cluster needs exists under its name and belongs to somebody else.',
    remedy: 'Delete or rename the object that the message names, or choose another name for the cluster.',
    retry: 'later',
  },
  AllocationCorrupt: {
    summary: 'The record of allocated ids or port ranges cannot be read.',
    remedy: 'Correct ConfigMap kube-system/polardb4mpd-controller as the message says.',
    retry: 'later',
  },
  NoFreePort: {
    summary: 'No port is left in the range for this purpose.',
    remedy: 'Widen the range in the annotations of ConfigMap kube-system/polardb4mpd-controller, or free a port.',
    retry: 'later',
  },
  PodUnscheduled: {
    summary: 'No node can take a pod of the cluster.',
    remedy: 'Add a node or free room on one (each instance needs a node of its own), or ask for fewer ROs.',
    retry: 'later',
  },
  PodNotRunning: {
    summary: 'A pod of the cluster does not run.',
    remedy: 'Look at it with kubectl describe pod and kubectl logs, and mend what they say.',
    retry: 'later',
  },
  InstanceNotReady: {
    summary: 'An instance does not work as it should.',
    remedy: 'Look at the log of its pod; the operation goes on by itself when the instance works.',
    retry: 'later',
  },
  VerificationFailed: {
    summary: 'A new cluster did not pass its check: write on the RW, read on each RO.',
    remedy: 'Look at the logs of the pods that the message names.',
    retry: 'later',
  },
  DeletionProtected: {
    summary: 'The cluster is protected against deletion.',
    remedy: 'Set spec.deletionProtection to false if it is really to go; the deletion then goes on by itself.',
    retry: 'later',
  },
  InstanceUnknown: {
    summary: 'An operation names an instance that the cluster does not have.',
    remedy: 'Look up the ids with `polarstack status` or in status.dbInstanceStatus.',
    retry: 'never',
  },
  NoSwitchTarget: {
    summary: 'No RO can become the RW now.',
    remedy: 'Mend the RO that the message names, or add one; then ask again.',
    retry: 'later',
  },
  WrongInstance: {
    summary: 'The operation does not fit the instance that it names.',
    remedy: 'Name an instance of the role that the message asks for, or use the operation that it proposes.',
    retry: 'never',
  },
  NodeUnknown: {
    summary: 'An operation names a node that does not exist.',
    remedy: 'Look the names up with kubectl get nodes and make the operation again.',
    retry: 'never',
  },
  NodeUnfit: {
    summary: 'The node cannot take the instance.',
    remedy: 'Mend what the message says of the node, or name another one.',
    retry: 'later',
  },
  ReplicaBehind: {
    summary: 'A new RO does not catch up with the RW.',
    remedy:
      'Look at the log of its pod and at the load of the RW; resume the operation when the message does not hold any more.',
    retry: 'later',
  },
  VolumeCannotShrink: {
    summary: 'A volume cannot be made smaller.',
    remedy: 'Ask for a size that is not below the present one.',
    retry: 'never',
  },
  VolumeCannotGrow: {
    summary: 'The storage class of a volume does not allow it to grow.',
    remedy:
      'Set allowVolumeExpansion of the StorageClass to true if its driver can do it, or migrate to another class.',
    retry: 'later',
  },
  VolumeNotGrown: {
    summary: 'A volume has not got its new size.',
    remedy: 'Look at the events and conditions of the PVC that the message names, mend what they say, then resume.',
    retry: 'later',
  },
  ConnectionsInUse: {
    summary: 'An instance has more connections than max_connections would allow it.',
    remedy: 'Let applications close connections first, or choose a larger value.',
    retry: 'later',
  },
  VersionNotUpgradable: {
    summary: 'A version is no later minor version of what the cluster runs.',
    remedy: "Choose a later minor version of the cluster's major from the catalog.",
    retry: 'never',
  },
  UpgradeBackedOut: {
    summary: 'An instance did not work with its new image, and has its old one back.',
    remedy:
      'Mend the image or its entry in the catalog and resume, or cancel the operation; what was upgraded before stays so.',
    retry: 'never',
  },
  OperationInvalid: {
    summary: 'The parameters of an operation are not what its type takes.',
    remedy: 'Correct what the message names and make the operation again; the reference lists the parameters.',
    retry: 'never',
  },
  NotSupportedYet: {
    summary: 'The spec asks for something that this version cannot do yet.',
    remedy: 'Take the named field back to what it was, or leave it out.',
    retry: 'never',
  },
  ClassUnknown: {
    summary: 'There is no instance class of this name.',
    remedy: 'Choose one of the classes that the message lists, or add it to the catalog.',
    retry: 'never',
  },
  VersionNotInstalled: {
    summary: 'No node has this version of the engine.',
    remedy: 'Choose one of the versions that the message lists, or install it and run `polarstack up` again.',
    retry: 'later',
  },
  ParameterUnknown: {
    summary: 'This major version of the engine has no parameter of this name.',
    remedy: 'Correct the name; the reference page of the parameters lists them all.',
    retry: 'never',
  },
  ParameterLocked: {
    summary: 'The stack sets this parameter itself.',
    remedy: 'Leave it out of spec.parameters.',
    retry: 'never',
  },
  ParameterInvalid: {
    summary: 'The value of a parameter is not one that the engine takes.',
    remedy: 'Give a value within what the message says.',
    retry: 'never',
  },
  PortOutOfRange: {
    summary: 'The port lies outside the range for engines.',
    remedy: 'Choose a port of the range, or leave netCfg.engineStartPort out to use the network of the pods.',
    retry: 'never',
  },
  PortInUse: {
    summary: 'Somebody else uses the port on a node.',
    remedy: 'Choose another port, or stop what uses it.',
    retry: 'later',
  },
  NotEnoughNodes: {
    summary: 'With the network of the host every instance needs a node of its own, and there are too few.',
    remedy: 'Lower followerNum, add a node, or leave netCfg.engineStartPort out to use the network of the pods.',
    retry: 'later',
  },
  InitdbInvalid: {
    summary: 'A data directory cannot be made like this.',
    remedy: 'Correct the named field of spec.initdb.',
    retry: 'never',
  },
  CatalogInvalid: {
    summary: 'An entry of the catalog cannot be read.',
    remedy: 'Correct the ConfigMap that the message names, or delete it and run `polarstack up` again.',
    retry: 'later',
  },
  FinalBackupFailed: {
    summary: 'The backup without which the cluster is not to be deleted was not made.',
    remedy:
      'Look at the log of the pod that the message names, mend the cause, and resume; or skip the step to delete the cluster without.',
    retry: 'never',
  },
});
