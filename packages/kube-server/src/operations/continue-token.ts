import { posix } from 'node:path';
import { goQuote } from '../http/go-quote.ts';
import { errors } from '../http/status.ts';
import { isObject } from '../json.ts';

/** Where a list goes on. */
export interface Continuation {
  /** Undefined for the present one. */
  readonly revision: number | undefined;
  /** Key behind the prefix of the collection. */
  readonly start: string;
}

const VERSION = 'meta.k8s.io/v1';
const PRESENT = -1;

const refused = (why: string): Error => errors.badRequest(`invalid continue token: continue key is not valid: ${why}`);

/** The form of Kubernetes, which nobody but a server reads. */
export function writeToken({ revision, start }: Continuation): string {
  return Buffer.from(JSON.stringify({ v: VERSION, rv: revision ?? PRESENT, start })).toString('base64url');
}

/** Throws 400. */
export function readToken(token: string): Continuation {
  const wrong = /[^A-Za-z0-9_-]/.exec(token)?.index ?? (token.length % 4 === 1 ? token.length - 1 : -1);
  if (wrong >= 0) throw refused(`illegal base64 data at input byte ${wrong}`);
  const { v, rv, start } = decode(Buffer.from(token, 'base64url'));
  if (v !== VERSION) throw refused(`server does not recognize this encoded version ${typeof v === 'string' ? v : ''}`);
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0) {
    throw refused(`incorrect encoded start resourceVersion (version ${VERSION})`);
  }
  if (typeof start !== 'string' || start === '') throw refused(`encoded start key empty (version ${VERSION})`);
  const key = start.startsWith('/') ? start : `/${start}`;
  if (clean(key) !== key) throw refused(start);
  return { revision: rv < 0 ? undefined : rv, start: key.slice(1) };
}

/** As Go cleans paths: without a slash at the end. */
function clean(path: string): string {
  const cleaned = posix.normalize(path);
  return cleaned.length > 1 && cleaned.endsWith('/') ? cleaned.slice(0, -1) : cleaned;
}

function decode(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (isObject(value)) return value;
  } catch {
    // told below
  }
  const first = bytes.toString('latin1').replace(/^[ \t\r\n]+/, '')[0];
  throw refused(
    first === undefined
      ? 'unexpected end of JSON input'
      : '{["-0123456789tfn'.includes(first)
        ? 'it holds no JSON object'
        : `invalid character '${goQuote(first).slice(1, -1)}' looking for beginning of value`,
  );
}
