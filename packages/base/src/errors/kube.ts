import { entries } from './entry.ts';

/** What an API server answers, whichever it is, and what a client of one meets. */
export const kubeErrors = entries({
  NotFound: {
    summary: 'The object does not exist.',
    remedy: 'Check the name and the namespace; list what is there.',
    retry: 'never',
    exit: 8,
  },
  AlreadyExists: {
    summary: 'An object of this kind and name exists already.',
    remedy: 'Choose another name, or change or delete the object that is there.',
    retry: 'never',
    exit: 5,
  },
  Conflict: {
    summary: 'Somebody changed the object in the meantime, or its state forbids the request.',
    remedy: 'Read the object again and repeat the change on its newest version.',
    retry: 'now',
    exit: 5,
  },
  Invalid: {
    summary: 'The API server refuses the object: a field is missing, unknown or out of its range.',
    remedy: 'Correct the fields that the message names.',
    retry: 'never',
    exit: 2,
  },
  BadRequest: {
    summary: 'The API server does not understand the request.',
    remedy: 'Correct what the message names; if a program of PolarDB Stack sent it, report it.',
    retry: 'never',
    exit: 2,
  },
  Unauthorized: {
    summary: 'The API server does not know who is asking.',
    remedy: 'Check the certificate or token of the kubeconfig: it may have ended, or belong to another server.',
    retry: 'later',
    exit: 9,
  },
  Forbidden: {
    summary: 'The API server knows who is asking and does not allow it.',
    remedy: 'Ask for the role that allows it, or use another identity.',
    retry: 'later',
    exit: 9,
  },
  MethodNotAllowed: {
    summary: 'The API server does not offer this verb on this resource.',
    remedy: 'Use a verb that the resource offers; `kubectl api-resources -o wide` lists them.',
    retry: 'never',
  },
  Gone: {
    summary: 'The version asked for has left the history of the API server.',
    remedy: 'List again and go on from the version of that list.',
    retry: 'now',
  },
  TooManyRequests: {
    summary: 'The API server asks its clients to slow down.',
    remedy: 'Wait and repeat; if it lasts, look for a client that asks too often.',
    retry: 'later',
    exit: 7,
  },
  ServerTimeout: {
    summary: 'The API server did not answer in time; whether a change took effect is not known.',
    remedy: 'Read the object to see what holds, then repeat if needed.',
    retry: 'later',
    exit: 7,
  },
  ApiUnreachable: {
    summary: 'No connection to the API server.',
    remedy: 'Check that the server runs and that the address in the kubeconfig is right.',
    retry: 'later',
    exit: 7,
  },
  ApiError: {
    summary: 'The API server failed.',
    remedy: 'Look at the message and at the log of the API server.',
    retry: 'later',
  },
  KubeconfigInvalid: {
    summary: 'The kubeconfig cannot be read or lacks what is needed to connect.',
    remedy: 'Correct the file that the message names, or name another with --kubeconfig.',
    retry: 'never',
    exit: 2,
  },
  CredentialPluginFailed: {
    summary: 'The program that the kubeconfig names for credentials failed.',
    remedy: 'Run the program by hand to see why; the kubeconfig may carry an install hint.',
    retry: 'later',
    exit: 9,
  },
  NotLeader: {
    summary: 'Another process leads, or this one lost its leadership; it does not act.',
    remedy: 'Nothing: the leader acts. `kubectl get leases -A` shows who that is.',
    retry: 'later',
  },
  ExecFailed: {
    summary: 'A command could not be run in a container.',
    remedy: 'Check that the container runs and that the command exists in it.',
    retry: 'later',
  },
});
