import { type FieldError, fieldError } from '../http/field-error.ts';
import { errors } from '../http/status.ts';
import { type JsonObject, stringAt } from '../json.ts';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** A query as the body that says the same. Throws 400. */
export function optionsOfQuery(query: URLSearchParams): Readonly<JsonObject> {
  const body: JsonObject = {};
  const grace = query.get('gracePeriodSeconds');
  if (grace !== null) {
    if (!/^[-+]?\d+$/.test(grace)) {
      throw errors.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
    }
    body.gracePeriodSeconds = Number(grace);
  }
  const orphans = query.get('orphanDependents');
  if (orphans !== null) body.orphanDependents = orphans !== '0' && orphans.toLowerCase() !== 'false';
  const policy = query.get('propagationPolicy');
  if (policy !== null) body.propagationPolicy = policy;
  if (query.has('dryRun')) body.dryRun = query.getAll('dryRun');
  const preconditions = Object.fromEntries(
    ['uid', 'resourceVersion'].flatMap((name) => (query.has(name) ? [[name, query.get(name)]] : [])),
  );
  if (Object.keys(preconditions).length > 0) body.preconditions = preconditions;
  return body;
}

/** Throws 422. */
export function readDeleteOptions(body: Readonly<JsonObject>): DeleteOptions {
  const { gracePeriodSeconds: grace, orphanDependents: orphans } = body;
  const found: FieldError[] = [];
  const policy = stringAt(body, 'propagationPolicy');
  if (policy !== undefined && typeof orphans === 'boolean') {
    const why = 'orphanDependents and deletionPropagation cannot be both set';
    found.push(fieldError.invalid('propagationPolicy', policy, why));
  }
  const isKnown = policy === 'Background' || policy === 'Foreground' || policy === 'Orphan';
  if (policy !== undefined && !isKnown) {
    found.push(fieldError.notSupported('propagationPolicy', policy, ['Foreground', 'Background', 'Orphan', 'nil']));
  }
  if (found.length > 0) throw errors.invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', found);
  const older = typeof orphans === 'boolean' ? (orphans ? 'Orphan' : 'Background') : undefined;
  const propagationPolicy = isKnown ? policy : older;
  const uid = stringAt(body, 'preconditions', 'uid');
  const resourceVersion = stringAt(body, 'preconditions', 'resourceVersion');
  return {
    // Less than nothing is as short as it gets without being at once.
    ...(typeof grace === 'number' ? { gracePeriodSeconds: grace < 0 ? 1 : Math.trunc(grace) } : {}),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}
