import type { LogRequest } from '@polarstack/api';
import { type FieldError, fieldError } from '../http/field-error.ts';
import { errors } from '../http/status.ts';

/** A number as Go reads it; undefined where there is none. Throws 400. */
function whole(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) {
    throw errors.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}

/** Anything is yes but the two words for no. */
const flag = (query: URLSearchParams, name: string): boolean => {
  const text = query.get(name);
  return text !== null && text !== 'false' && text !== '0';
};

/** Whether a log is asked for as long as it grows. */
export const followsLog = (query: URLSearchParams): boolean => flag(query, 'follow');

function sinceTimeOf(query: URLSearchParams): number | undefined {
  const text = query.get('sinceTime') ?? '';
  if (text === '') return undefined;
  const at = Date.parse(text);
  if (!Number.isNaN(at) && /^\d{4}-\d\d-\d\dT/.test(text)) return at;
  const shown = JSON.stringify(text);
  throw errors.badRequest(`parsing time ${shown} as "2006-01-02T15:04:05Z07:00": cannot parse ${shown} as "2006"`);
}

/** What a client wants of a log. Throws 400 for what cannot be read, and 422 for what cannot be. */
export function readLogRequest(query: URLSearchParams, pod: string, now: Date): LogRequest {
  const tailLines = whole(query, 'tailLines');
  const limitBytes = whole(query, 'limitBytes');
  const sinceSeconds = whole(query, 'sinceSeconds');
  const sinceTime = sinceTimeOf(query);
  const found: FieldError[] = [];
  if (tailLines !== undefined && tailLines < 0) {
    found.push(fieldError.invalid('tailLines', tailLines, 'must be greater than or equal to 0'));
  }
  if (limitBytes !== undefined && limitBytes < 1) {
    found.push(fieldError.invalid('limitBytes', limitBytes, 'must be greater than 0'));
  }
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    const why = 'at most one of `sinceTime` or `sinceSeconds` may be specified';
    found.push(fieldError.forbidden('[]', why));
  } else if (sinceSeconds !== undefined && sinceSeconds < 1) {
    found.push(fieldError.invalid('sinceSeconds', sinceSeconds, 'must be greater than 0'));
  }
  if (query.has('stream')) found.push(fieldError.forbidden('stream', 'may not be specified'));
  if (found.length > 0) throw errors.invalid({ group: '', kind: 'PodLogOptions' }, pod, found);
  const since = sinceTime === undefined ? sinceSeconds : Math.max(0, Math.ceil((now.getTime() - sinceTime) / 1000));
  return {
    follow: followsLog(query),
    previous: flag(query, 'previous'),
    ...(flag(query, 'timestamps') ? { timestamps: true } : {}),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(since === undefined ? {} : { sinceSeconds: since }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}
