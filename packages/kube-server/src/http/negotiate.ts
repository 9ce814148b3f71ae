import { errors } from './status.ts';

/** In which form a client wants objects. */
export type Rendering = 'object' | 'table' | 'partial' | 'partialList';

const unsupported = ['application/json', 'application/json;as=Table;v=v1;g=meta.k8s.io'];

/** The first form of an Accept header that this server speaks. Answers are always JSON. Throws 406. */
export function negotiate(accept: string | undefined): Rendering {
  if (accept === undefined || accept === '' || accept === '*/*' || accept === 'application/json') return 'object';
  for (const part of accept.split(',')) {
    const [type, ...parameters] = part.split(';').map((text) => text.trim());
    if (type !== 'application/json' && type !== '*/*') continue;
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    const isV1 = parameters.includes('v=v1') && parameters.includes('g=meta.k8s.io');
    if (as === undefined) return 'object';
    if (as === 'Table' && isV1) return 'table';
    if (as === 'PartialObjectMetadata' && isV1) return 'partial';
    if (as === 'PartialObjectMetadataList' && isV1) return 'partialList';
  }
  throw errors.notAcceptable(unsupported);
}

export function acceptsAggregatedDiscovery(accept: string | undefined): boolean {
  return accept?.includes('as=APIGroupDiscoveryList') === true && accept.includes('v=v2');
}
