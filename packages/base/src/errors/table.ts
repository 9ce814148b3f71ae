import { agentErrors } from './agent.ts';
import { cliErrors } from './cli.ts';
import { clusterErrors } from './cluster.ts';
import { generalErrors } from './general.ts';
import { haErrors } from './ha.ts';
import { kubeErrors } from './kube.ts';
import { kubeServerErrors } from './kube-server.ts';
import { localErrors } from './local.ts';
import { nodeErrors } from './node.ts';
import { restErrors } from './rest.ts';
import { workflowErrors } from './workflow.ts';

/** Every error code of the project, by area. The reference page `docs/reference/errors.md` is generated from it. */
export const errorTable = {
  ...generalErrors,
  ...localErrors,
  ...kubeServerErrors,
  ...kubeErrors,
  ...nodeErrors,
  ...agentErrors,
  ...clusterErrors,
  ...haErrors,
  ...workflowErrors,
  ...cliErrors,
  ...restErrors,
};

/** A code of the table: CamelCase, so that it can serve as a Kubernetes condition or event reason as it is. */
export type ErrorCode = keyof typeof errorTable;
