import type { IncomingMessage } from 'node:http';
import { type FieldError, fieldError } from './field-error.ts';
import { errors } from './status.ts';

const MAX_BYTES = 128;

const optionKinds: Readonly<Record<string, string>> = { POST: 'CreateOptions', PUT: 'UpdateOptions' };

/** Whether a character would show in print, as Go decides it: a space is the only kind of blank that does. */
const isPrintable = (character: string): boolean => character === ' ' || !/[\p{C}\p{Z}]/u.test(character);

/** Who writes: what the request says, else the program by which it was sent. Throws 422. */
export function readFieldManager(request: IncomingMessage, query: URLSearchParams, isApply: boolean): string {
  const asked = query.get('fieldManager') ?? '';
  const found: FieldError[] = [];
  if (request.method === 'PATCH') {
    if (isApply && asked === '') found.push(fieldError.required('fieldManager', 'is required for apply patch'));
    if (!isApply && query.get('force') !== null) {
      found.push(fieldError.forbidden('force', 'may not be specified for non-apply patch'));
    }
  }
  if (Buffer.byteLength(asked) > MAX_BYTES) found.push(fieldError.tooLong('fieldManager', MAX_BYTES));
  const bad = Array.from(asked).findIndex((character) => !isPrintable(character));
  if (bad >= 0) {
    const code = (Array.from(asked)[bad]?.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    found.push(fieldError.invalid('fieldManager', asked, `invalid character U+${code} (at position ${bad})`));
  }
  if (found.length > 0) {
    const kind = optionKinds[request.method ?? ''] ?? 'PatchOptions';
    throw errors.invalid({ group: 'meta.k8s.io', kind }, '', found);
  }
  if (asked !== '') return asked;
  // Node reads headers byte by byte; what is not ASCII in them is UTF-8.
  return program(Buffer.from(request.headers['user-agent'] ?? '', 'latin1').toString('utf8'));
}

/** The name of the program in a User-Agent header: what is before its version. */
function program(agent: string): string {
  const name = Array.from(agent.split('/')[0] ?? '')
    .filter(isPrintable)
    .join('');
  return name === ''
    ? 'unknown'
    : Buffer.from(name)
        .subarray(0, MAX_BYTES)
        .toString('utf8')
        .replace(/\uFFFD+$/u, '');
}
