import { errors } from '../http/status.ts';

/** Containers are started without an input, and their output goes to a file: `attach` has nothing to hold on to. */
export const noAttach = (): Error =>
  errors.badRequest(
    'attaching is not offered: read the output with `kubectl logs -f`, or run a command with `kubectl exec`',
  );
