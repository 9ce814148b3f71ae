import { type MPDCluster, names } from '@polarstack/api';
import { type PlanFacts, parseItems } from '@polarstack/domain';
import { ConfigMaps } from '@polarstack/kube';
import type { Services } from '../steps/services.ts';
import { volumesOf } from './volume-facts.ts';

/** Annotation of the user's parameters: when they were last flushed. Source: the original. */
export const FLUSH_TIME = 'latestFlushTime';

/** Everything that a plan is made from, as it is now. */
export async function gatherFacts(cluster: MPDCluster, services: Services, signal: AbortSignal): Promise<PlanFacts> {
  const { client, catalog, clock, observe } = services;
  const { namespace = 'default', name = '' } = cluster.metadata;
  const find = async (map: string) => await client.find(ConfigMaps, { namespace, name: map }, signal);
  const [seen, user, running, offer, volumes] = await Promise.all([
    observe(cluster, signal),
    find(names.userParams(name)),
    find(names.runningParams(name)),
    catalog.lookups(cluster, signal),
    volumesOf(cluster, client, signal),
  ]);
  const major = Number.parseInt(cluster.status?.engine?.version ?? '', 10);
  const asked = parseItems(user?.data);
  return {
    now: clock.now(),
    cluster,
    seen,
    volumes,
    nodes: offer.nodes.map(({ name: node, images, schedulable }) => ({
      name: node,
      images,
      schedulable,
      instances: [...seen.instances].flatMap(([id, { pod }]) => (pod?.nodeName === node ? [id] : [])),
    })),
    classes: offer.classes,
    versions: offer.versions,
    template: offer.template(major),
    parameters: {
      user: asked.items,
      broken: asked.broken,
      running: parseItems(running?.data).items,
      latestFlushTime: user?.metadata?.annotations?.[FLUSH_TIME] ?? '',
      canUpdateLocked: offer.allowLocked ?? false,
    },
  };
}
