/** What a list or a watch asks for, read from its query in the order in which Kubernetes reads and judges it. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { errors, failure } from '../http/status.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { labelSelector } from './label-selector.ts';
import { both, fieldSelector, type Predicate } from './selectors.ts';

export interface ListOptions {
  readonly selected: Predicate | undefined;
  /** Undefined where the query names none: the newest one is meant. */
  readonly version: number | undefined;
  readonly match: 'Exact' | 'NotOlderThan' | undefined;
  /** 0 for no limit. */
  readonly limit: number;
  readonly continueToken: string | undefined;
}

export interface WatchOptions {
  readonly selected: Predicate | undefined;
  readonly version: number | undefined;
  readonly sendInitialEvents: boolean | undefined;
  readonly wantsBookmarks: boolean;
  /** Undefined where the client leaves it to the server. */
  readonly timeoutSeconds: number | undefined;
}

/** Whether the query of a GET asks for a watch. */
export const asksForWatch = (query: URLSearchParams): boolean => readBoolean(query, 'watch') === true;

/** Throws 400 or 422. */
export function readListOptions(definition: ResourceDefinition, query: URLSearchParams): ListOptions {
  const { limit, labels } = readValues(query);
  refuse(listProblems(query));
  const fields = fieldSelector(query.get('fieldSelector'), definition.fieldSelectors);
  const match = query.get('resourceVersionMatch');
  const continueToken = query.get('continue') ?? '';
  const asked = query.get('resourceVersion') ?? '';
  if (continueToken !== '' && asked !== '' && asked !== '0') {
    throw errors.badRequest('specifying resource version is not allowed when using continue');
  }
  return {
    selected: both(labels, fields),
    version: readVersion(query, (why) => errors.badRequest(`invalid resource version: ${why}`)),
    match: match === 'Exact' || match === 'NotOlderThan' ? match : undefined,
    // Less than nothing is no limit.
    limit: Math.max(0, limit ?? 0),
    continueToken: continueToken === '' ? undefined : continueToken,
  };
}

/** Throws 400, 422, or 500 without a reason for a version that is none, as Kubernetes does. */
export function readWatchOptions(definition: ResourceDefinition, query: URLSearchParams): WatchOptions {
  const { timeoutSeconds, labels } = readValues(query);
  refuse(watchProblems(query));
  const fields = fieldSelector(query.get('fieldSelector'), definition.fieldSelectors);
  return {
    selected: both(labels, fields),
    version: readVersion(query, (why) => failure(500, undefined, why)),
    sendInitialEvents: readBoolean(query, 'sendInitialEvents'),
    wantsBookmarks: readBoolean(query, 'allowWatchBookmarks') === true,
    timeoutSeconds: timeoutSeconds === 0 ? undefined : timeoutSeconds,
  };
}

function readValues(query: URLSearchParams) {
  return {
    timeoutSeconds: readInteger(query, 'timeoutSeconds'),
    limit: readInteger(query, 'limit'),
    labels: labelSelector(query.get('labelSelector')),
  };
}

function readInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const quoted = JSON.stringify(text);
  if (!/^[-+]?\d+$/.test(text)) throw errors.badRequest(`strconv.ParseInt: parsing ${quoted}: invalid syntax`);
  const value = BigInt(text.replace(/^\+/, ''));
  if (BigInt.asIntN(64, value) !== value) {
    throw errors.badRequest(`strconv.ParseInt: parsing ${quoted}: value out of range`);
  }
  return Number(value);
}

/** Whatever does not say no says yes. */
function readBoolean(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  return text === null ? undefined : text !== '0' && text.toLowerCase() !== 'false';
}

function readVersion(query: URLSearchParams, refused: (why: string) => Error): number | undefined {
  const text = query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  const quoted = JSON.stringify(text);
  const why = (what: string): string =>
    `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${what}`;
  if (!/^\d+$/.test(text)) throw refused(why('invalid syntax'));
  if (BigInt(text) >= 2n ** 64n) throw refused(why('value out of range'));
  return Number(text);
}

const field = 'resourceVersionMatch';

function listProblems(query: URLSearchParams): readonly FieldError[] {
  const found: FieldError[] = [];
  const match = query.get(field) ?? '';
  const version = query.get('resourceVersion') ?? '';
  if (match !== '') {
    if (version === '') {
      found.push(fieldError.forbidden(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    }
    if ((query.get('continue') ?? '') !== '') found.push(notWithContinue());
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      found.push(fieldError.notSupported(field, match, ['Exact', 'NotOlderThan', '']));
    }
    if (match === 'Exact' && version === '0') {
      found.push(fieldError.forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (query.get('sendInitialEvents') !== null) {
    found.push(fieldError.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return found;
}

function watchProblems(query: URLSearchParams): readonly FieldError[] {
  const found: FieldError[] = [];
  const match = query.get(field) ?? '';
  const isInitial = query.get('sendInitialEvents') !== null;
  if (isInitial && match !== 'NotOlderThan') {
    const why = 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
    found.push(fieldError.forbidden(field, why));
  }
  if (match === '') return found;
  if (!isInitial) {
    const why = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
    found.push(fieldError.forbidden(field, why));
  }
  if (match !== 'NotOlderThan') found.push(fieldError.notSupported(field, match, ['NotOlderThan']));
  if ((query.get('continue') ?? '') !== '') found.push(notWithContinue());
  return found;
}

const notWithContinue = (): FieldError =>
  fieldError.forbidden(field, 'resourceVersionMatch is forbidden when continue is provided');

function refuse(found: readonly FieldError[]): void {
  if (found.length > 0) throw errors.invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', found);
}
