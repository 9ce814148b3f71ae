import { errors } from './status.ts';

/** In which form a client wants objects. */
export type Rendering = 'object' | 'table' | 'partial' | 'partialList';

const unsupported = ['application/json', 'application/json;as=Table;v=v1;g=meta.k8s.io', 'application/yaml'];
const JSON_TYPES: readonly string[] = ['application/json', '*/*'];
const YAML = 'application/yaml';

/** Whether the first type of an Accept header that this server speaks is YAML. */
export function prefersYaml(accept: string | undefined): boolean {
  if (accept === undefined || !accept.includes(YAML)) return false;
  const types = accept.split(',').map((part) => part.split(';')[0]?.trim() ?? '');
  return types.find((type) => JSON_TYPES.includes(type) || type === YAML) === YAML;
}

/** The first form of an Accept header that this server speaks, as JSON or YAML. Throws 406. */
export function negotiate(accept: string | undefined): Rendering {
  if (accept === undefined || accept === '' || accept === '*/*' || accept === 'application/json') return 'object';
  for (const part of accept.split(',')) {
    const [type, ...parameters] = part.split(';').map((text) => text.trim());
    if (!JSON_TYPES.includes(type ?? '') && type !== YAML) continue;
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    const isV1 = parameters.includes('v=v1') && parameters.includes('g=meta.k8s.io');
    if (as === undefined) return 'object';
    if (as === 'Table' && isV1) return 'table';
    if (as === 'PartialObjectMetadata' && isV1) return 'partial';
    if (as === 'PartialObjectMetadataList' && isV1) return 'partialList';
  }
  throw errors.notAcceptable(unsupported);
}

/** The same for a watch, whose events are always JSON. Throws 406. */
export function negotiateWatch(accept: string | undefined): Rendering {
  const parts = accept?.split(',').filter((part) => part.split(';')[0]?.trim() !== YAML);
  if (parts?.length === 0) throw errors.notAcceptable(['application/json']);
  return negotiate(parts?.join(','));
}

export function acceptsAggregatedDiscovery(accept: string | undefined): boolean {
  return accept?.includes('as=APIGroupDiscoveryList') === true && accept.includes('v=v2');
}
