import { type MPDCluster, names } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { engineParameters, itemValues, parseItems } from '@polarstack/domain';
import { ConfigMaps } from '@polarstack/kube';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { mergedTemplate } from './ensure-parameters.ts';
import { memberOf } from './member-of.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, membersOf } from './services.ts';
import { waitForAgent } from './wait-for-agent.ts';

/** Changed values of a planned step: null is the engine's own default. */
export function changedOf({ input }: ClusterStepContext): ReadonlyMap<string, string | null> {
  const changed = input.changed ?? {};
  if (typeof changed !== 'object' || changed === null || Array.isArray(changed)) {
    throw new StackError('Internal', 'the plan does not say what changes');
  }
  return new Map(Object.entries(changed).map(([name, value]) => [name, typeof value === 'string' ? value : null]));
}

/** What an engine is told: what is recorded as running, with the changes of the operation. */
async function parametersOf(step: ClusterStepContext, cluster: MPDCluster): Promise<Readonly<Record<string, string>>> {
  const { namespace, name } = clusterKey(cluster);
  const key = { namespace, name: names.runningParams(name) };
  const running = await step.services.client.get(ConfigMaps, key, step.signal);
  const values = new Map(itemValues(parseItems(running.data).items));
  for (const [changed, value] of changedOf(step)) {
    if (value === null) values.delete(changed);
    else values.set(changed, value);
  }
  return engineParameters(mergedTemplate(cluster, step.services), values);
}

/** Every engine is asked before any is told: one that refuses a value stops the operation with nothing changed. */
export const checkParameters: ClusterStep = {
  name: 'CheckParameters',
  timeoutMs: 120_000,
  retry: { limit: 5 },
  run: async (step) => {
    const cluster = await clusterOf(step);
    const parameters = await parametersOf(step, cluster);
    await Promise.all(
      membersOf(cluster).members.map(async (member) => {
        const { agent } = await waitForAgent(step, cluster, member);
        await agent.checkConfig(parameters, step.signal);
      }),
    );
    return undefined;
  },
};

/** Writes the values of one instance and reloads it. */
export const applyParameters: ClusterStep = {
  name: 'ApplyParameters',
  timeoutMs: 120_000,
  retry: { limit: 5 },
  run: async (step) => {
    const [cluster, member] = [await clusterOf(step), await memberOf(step)];
    const { version } = step.input;
    if (typeof version !== 'number') throw new StackError('Internal', 'the plan does not say which version this is');
    const { agent } = await waitForAgent(step, cluster, member);
    const config = { version, parameters: await parametersOf(step, cluster) };
    const { pendingRestart } = await agent.setConfig(config, step.signal);
    const message = pendingRestart.length > 0 ? `${pendingRestart.join(', ')} wait for a restart` : 'all values hold';
    return { type: 'done', message };
  },
};
