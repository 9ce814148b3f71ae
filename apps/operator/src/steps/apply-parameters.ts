import { type MPDCluster, names } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { engineParameters, itemValues, parseItems, unquote } from '@polarstack/domain';
import { ConfigMaps } from '@polarstack/kube';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { mergedTemplate } from './ensure-parameters.ts';
import { memberOf } from './member-of.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, settledOf } from './services.ts';
import { waitForAgent } from './wait-for-agent.ts';

/** Changed values of a planned step: null is the engine's own default. */
export function changedOf({ input }: ClusterStepContext): ReadonlyMap<string, string | null> {
  const changed = input.changed ?? {};
  if (typeof changed !== 'object' || changed === null || Array.isArray(changed)) {
    throw new StackError('Internal', 'the plan does not say what changes');
  }
  return new Map(Object.entries(changed).map(([name, value]) => [name, typeof value === 'string' ? value : null]));
}

/** What holds then: what is recorded as running, with the changes of the operation. */
async function valuesOf(step: ClusterStepContext, cluster: MPDCluster): Promise<ReadonlyMap<string, string>> {
  const { namespace, name } = clusterKey(cluster);
  const key = { namespace, name: names.runningParams(name) };
  const running = await step.services.client.get(ConfigMaps, key, step.signal);
  const values = new Map(itemValues(parseItems(running.data).items));
  for (const [changed, value] of changedOf(step)) {
    if (value === null) values.delete(changed);
    else values.set(changed, value);
  }
  return values;
}

/** What an engine is told of these values; a step that changes the class names it. */
function toldOf(step: ClusterStepContext, cluster: MPDCluster, values: ReadonlyMap<string, string>) {
  const { className } = step.input;
  const status = typeof className === 'string' ? { ...cluster.status, insClassInfo: { className } } : cluster.status;
  return engineParameters(mergedTemplate({ ...cluster, ...(status && { status }) }, step.services), values);
}

/** Throws `ConnectionsInUse` where a lower `max_connections` leaves no room for those that are there. */
function checkConnections(step: ClusterStepContext, values: ReadonlyMap<string, string>, pod: string, inUse = 0): void {
  if (!changedOf(step).get('max_connections')) return;
  const number = (name: string, fallback: number): number => {
    const text = values.get(name);
    return text === undefined ? fallback : Number(unquote(text)) || 0;
  };
  const most = number('max_connections', 100);
  const room = most - number('superuser_reserved_connections', 3) - number('reserved_connections', 0);
  if (inUse <= room) return;
  const message = `max_connections ${most} leaves ${room} to users, and ${pod} has ${inUse} connections now`;
  throw new StackError('ConnectionsInUse', message);
}

/** Every engine is asked before any is told: one that refuses a value stops the operation with nothing changed. */
export const checkParameters: ClusterStep = {
  name: 'CheckParameters',
  timeoutMs: 120_000,
  retry: { limit: 5 },
  run: async (step) => {
    const cluster = await clusterOf(step);
    const values = await valuesOf(step, cluster);
    const parameters = toldOf(step, cluster, values);
    await Promise.all(
      settledOf(cluster).members.map(async (member) => {
        const { agent } = await waitForAgent(step, cluster, member);
        await agent.checkConfig(parameters, step.signal);
        const { engine } = await agent.status(step.signal);
        checkConnections(step, values, member.pod, engine.connections);
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
    const config = { version, parameters: toldOf(step, cluster, await valuesOf(step, cluster)) };
    const { pendingRestart } = await agent.setConfig(config, step.signal);
    const message = pendingRestart.length > 0 ? `${pendingRestart.join(', ')} wait for a restart` : 'all values hold';
    return { type: 'done', message };
  },
};
