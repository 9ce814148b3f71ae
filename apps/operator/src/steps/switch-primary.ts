import { StackError } from '@polarstack/base';
import { switchover, switchoverResult } from '../ha/switchover.ts';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { addedIds } from './added-members.ts';
import { type ClusterStep, clusterOf } from './services.ts';
import { pauseOutput } from './write-pause.ts';

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
    const id = `${step.workflowId}/${step.step}/${step.failures}`;
    const known = step.services.records.of(cluster);
    if (known?.primary === target) {
      // Perhaps by the switch that an attempt before a crash had asked for: its pause counts.
      const { pauseMs } = switchoverResult(step.services, cluster, id) ?? {};
      const output = pauseMs === undefined ? {} : pauseOutput(step, pauseMs);
      return { type: 'done', message: `${target} is the RW`, output };
    }
    step.progress(`asked the cluster manager to make ${target} the RW`);
    const wish = { id, target, reason: `operation ${step.workflowId}`, requester: 'polarstack-operator' };
    const { pauseMs, epoch } = await switchover(step.services, cluster, wish, step.signal);
    const pause = pauseMs === undefined ? '' : `; writes paused for ${pauseMs} ms`;
    return {
      type: 'done',
      message: `${target} is the RW in epoch ${epoch}${pause}`,
      output: pauseMs === undefined ? {} : pauseOutput(step, pauseMs),
    };
  },
};
