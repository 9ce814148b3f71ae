import { entries } from './entry.ts';

export const nodeErrors = entries({
  ProcessesSurvived: {
    summary: 'Processes that had to be killed are still there.',
    remedy: 'Look at the named processes: one in state D waits for a disk or a network file system; free it.',
    retry: 'later',
  },
  UnsafeRunFolder: {
    summary: 'The folder for sockets belongs to somebody else, is a link, or is open to others.',
    remedy: 'Find out who made the named folder, remove it, and let the node runtime make it again.',
    retry: 'later',
  },
  MountFailed: {
    summary: 'A volume of a pod cannot be prepared.',
    remedy: 'Create the missing object or folder that the message names, or correct the volume in the pod.',
    retry: 'later',
  },
  ProcessesUnknown: {
    summary: 'The process table of the machine cannot be read, so nothing is known about the processes of a pod.',
    remedy:
      'Look at the cause that the message names, such as a lack of file descriptors (`ulimit -n`), and remove it.',
    retry: 'later',
  },
  InvalidPod: {
    summary: 'The pod asks for something that this node runtime cannot do.',
    remedy: 'Change the named field of the pod.',
    retry: 'never',
  },
  NoAddressLeft: {
    summary: 'All pod addresses of the node are in use.',
    remedy: 'Delete pods of this node that are no longer needed.',
    retry: 'later',
  },
  NodePoweredOff: {
    summary: 'The node is switched off.',
    remedy: 'Switch it on: polarstack node start <node>.',
    retry: 'later',
  },
  ContainerNotRunning: {
    summary: 'The container does not run at the moment.',
    remedy: 'See why with kubectl describe pod, and try again when it runs.',
    retry: 'later',
  },
});
