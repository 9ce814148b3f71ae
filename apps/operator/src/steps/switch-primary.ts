import { StackError } from '@polarstack/base';
import { switchover } from '../ha/switchover.ts';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { addedIds } from './added-members.ts';
import { type ClusterStep, clusterOf } from './services.ts';

/**
 * Has the cluster manager make another instance the primary. One id for each attempt that has not failed: a repeated
 * step meets the switch that it asked for, and its answer.
 */
export const switchPrimary: ClusterStep = {
  name: 'SwitchPrimary',
  // A switch that has begun always ends; what a person may have to mend meanwhile takes its time.
  timeoutMs: 30 * 60_000,
  retry: { limit: 3 },
  run: async (step) => {
    const target = step.input.added === undefined ? step.input.target : addedIds(step)[0];
    if (typeof target !== 'string') throw new StackError('Internal', 'the plan does not say who becomes the primary');
    const cluster = clusterKey(await clusterOf(step));
    if (step.services.records.of(cluster)?.primary === target) return { type: 'done', message: `${target} is the RW` };
    step.progress(`asked the cluster manager to make ${target} the RW`);
    const id = `${step.workflowId}/${step.step}/${step.failures}`;
    const wish = { id, target, reason: `operation ${step.workflowId}`, requester: 'polarstack-operator' };
    const { pauseMs, epoch } = await switchover(step.services, cluster, wish, step.signal);
    const pause = pauseMs === undefined ? '' : `; writes paused for ${pauseMs} ms`;
    return {
      type: 'done',
      message: `${target} is the RW in epoch ${epoch}${pause}`,
      output: pauseMs === undefined ? {} : { [`pause ${step.step}`]: pauseMs },
    };
  },
};
