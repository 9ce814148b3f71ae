import { StackError } from '@polarstack/base';
import { type HaRecord, resultOf, withdrawRequest } from '@polarstack/ha';
import { done } from '@polarstack/workflow';
import { changeRecord } from '../ha/ha-record.ts';
import { switchover } from '../ha/switchover.ts';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { addedIds } from './added-members.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf } from './services.ts';
import { pauseOutput } from './write-pause.ts';

/** What the ids of all switches begin with that this step asks for. */
const prefixOf = ({ workflowId, step }: ClusterStepContext): string => `${workflowId}/${step}/`;

/**
 * The id of the switch to ask for: the first that was not answered. So a repeated step meets the switch that it asked for before
 * a crash, and one that is tried again, resumed, or of another operation that had the same name, never meets an old answer.
 */
function freshId(record: HaRecord | undefined, prefix: string): string {
  let n = 0;
  while (record && resultOf(record, `${prefix}${n}`)) n++;
  return `${prefix}${n}`;
}

/** Has the cluster manager make another instance the primary. */
export const switchPrimary: ClusterStep = {
  name: 'SwitchPrimary',
  // A switch that has begun always ends; what a person may have to mend meanwhile takes its time.
  timeoutMs: 30 * 60_000,
  retry: { limit: 3 },
  run: async (step) => {
    const target = step.input.added === undefined ? step.input.target : addedIds(step)[0];
    if (typeof target !== 'string') throw new StackError('Internal', 'the plan does not say who becomes the primary');
    const cluster = clusterKey(await clusterOf(step));
    const prefix = prefixOf(step);
    const known = step.services.records.of(cluster);
    const isUnderWay = known?.switch?.id.startsWith(prefix) === true;
    if (known?.primary === target && !isUnderWay) {
      // Perhaps by the switch that an attempt before a crash had asked for: its pause counts.
      const mine = known.results.findLast(({ id, outcome }) => id.startsWith(prefix) && outcome === 'done');
      const output = mine?.pauseMs === undefined ? {} : pauseOutput(step, mine.pauseMs);
      return { type: 'done', message: `${target} is the RW`, output };
    }
    step.progress(`asked the cluster manager to make ${target} the RW`);
    const id = freshId(known, prefix);
    const wish = { id, target, reason: `operation ${step.workflowId}`, requester: 'polarstack-operator' };
    const { pauseMs, epoch } = await switchover(step.services, cluster, wish, step.signal);
    const pause = pauseMs === undefined ? '' : `; writes paused for ${pauseMs} ms`;
    return {
      type: 'done',
      message: `${target} is the RW in epoch ${epoch}${pause}`,
      output: pauseMs === undefined ? {} : pauseOutput(step, pauseMs),
    };
  },
  /** A request that nobody has begun is taken back; a switch that has begun is waited for: the next operation must not meet it. */
  undo: async (step) => {
    const cluster = clusterKey(await clusterOf(step));
    const { client, records } = step.services;
    const prefix = prefixOf(step);
    const withdraw = (now: HaRecord): HaRecord =>
      now.request?.id.startsWith(prefix) ? withdrawRequest(now, now.request.id) : now;
    const { switch: running } = await changeRecord(client, cluster, withdraw, step.signal);
    if (running?.id.startsWith(prefix)) {
      step.progress('a switch that has begun is waited for');
      await records.until(cluster, (now) => (now ? resultOf(now, running.id) : undefined), step.signal);
    }
    const primary = records.of(cluster)?.primary;
    return done({}, primary === undefined ? 'no switch is under way' : `${primary} is the RW, and stays it`);
  },
};
