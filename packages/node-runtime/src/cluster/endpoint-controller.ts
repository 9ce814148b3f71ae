/** Keeps the EndpointSlices of Services with selectors as endpoints.ts wants them. */
import { isStackError, type Logger } from '@polarstack/base';
import {
  type Controller,
  createController,
  EndpointSlices,
  type KubeClient,
  objectKey,
  source,
} from '@polarstack/kube';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import { sameJson } from '../same-json.ts';
import type { Caches } from './caches.ts';
import { MANAGED_BY_LABEL, MANAGER, SERVICE_LABEL, selectedBy, wantedSlices } from './endpoints.ts';

export interface EndpointControllerOptions {
  readonly client: KubeClient;
  readonly caches: Pick<Caches, 'pods' | 'services' | 'slices'>;
  readonly logger: Logger;
}

const content = ({ metadata, endpoints, ports }: EndpointSlice): unknown => ({
  labels: metadata?.labels,
  endpoints: endpoints ?? [],
  ports: ports ?? [],
});

export function createEndpointController({ client, caches, logger }: EndpointControllerOptions): Controller {
  const servicesOf = (pod: Pod): readonly string[] =>
    caches.services
      .list()
      .filter((service) => selectedBy(service, [pod]).length > 0)
      .map(objectKey);

  async function put(wanted: EndpointSlice, there: EndpointSlice | undefined, signal: AbortSignal): Promise<void> {
    if (!there) {
      await client.create(EndpointSlices, wanted, signal);
      return;
    }
    if (sameJson(content(wanted), content(there))) return;
    const { resourceVersion } = there.metadata ?? {};
    const metadata = { ...wanted.metadata, ...(resourceVersion ? { resourceVersion } : {}) };
    await client.replace(EndpointSlices, { ...wanted, metadata }, signal);
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const service = caches.services.get(key);
    // The slices of a deleted Service go with their owner.
    if (!service?.metadata || service.metadata.deletionTimestamp) return;
    const { namespace = '', name = '' } = service.metadata;
    const wanted = wantedSlices(service, caches.pods.list());
    if (!wanted) return;
    const ours = caches.slices
      .list()
      .filter(
        ({ metadata }) =>
          metadata?.namespace === namespace &&
          metadata.labels?.[SERVICE_LABEL] === name &&
          metadata.labels[MANAGED_BY_LABEL] === MANAGER,
      );
    for (const slice of wanted) {
      await put(
        slice,
        ours.find(({ metadata }) => metadata?.name === slice.metadata?.name),
        signal,
      );
    }
    for (const { metadata } of ours) {
      if (wanted.some((slice) => slice.metadata?.name === metadata?.name)) continue;
      try {
        await client.delete(EndpointSlices, { namespace, name: metadata?.name ?? '' }, {}, signal);
      } catch (error) {
        if (!isStackError(error, 'NotFound')) throw error;
      }
    }
  }

  return createController({
    sources: [
      source(caches.services, ({ object }) => [objectKey(object)]),
      source(caches.pods, (change) => [
        ...servicesOf(change.object),
        ...(change.type === 'MODIFIED' ? servicesOf(change.previous) : []),
      ]),
      source(caches.slices, ({ object }) => {
        const service = object.metadata?.labels?.[SERVICE_LABEL];
        return service ? [`${object.metadata?.namespace}/${service}`] : [];
      }),
    ],
    concurrency: 2,
    reconcile,
    onError: (error, service, retryInMs) => {
      // Somebody was faster, or our copy is a moment behind: the next run sees it.
      if (isStackError(error, 'Conflict') || isStackError(error, 'AlreadyExists')) return;
      logger.warn({ err: error, service, retryInMs }, 'the endpoints of a service could not be updated');
    },
  });
}
