import { defineWorkflow } from '@polarstack/workflow';
import { bootstrapPrimary } from './bootstrap-primary.ts';
import { createPods } from './create-pods.ts';
import { createServices } from './create-services.ts';
import { ensureParameters } from './ensure-parameters.ts';
import { ensureSecrets } from './ensure-secrets.ts';
import { initMeta } from './init-meta.ts';
import { joinReplicas } from './join-replicas.ts';
import { prepareStorage } from './prepare-storage.ts';
import type { Services } from './services.ts';
import { updateRunningStatus } from './update-running-status.ts';
import { verifyCluster } from './verify-cluster.ts';

/** From a spec to a cluster that accepts writes. Names close to the original's flow `CreateSharedStorageCluster`. */
export const createWorkflow = defineWorkflow<Services>({
  name: 'create-local/1',
  steps: [
    initMeta,
    createServices,
    ensureSecrets,
    ensureParameters,
    prepareStorage,
    createPods,
    bootstrapPrimary,
    joinReplicas,
    verifyCluster,
    updateRunningStatus,
  ],
});
