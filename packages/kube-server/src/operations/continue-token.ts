import { posix } from 'node:path';
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

const refused = (why: string): Error => errors.badRequest(`continue key is not valid: ${why}`);

/** The form of Kubernetes, which nobody but a server reads. */
export function writeToken({ revision, start }: Continuation): string {
  return Buffer.from(JSON.stringify({ v: VERSION, rv: revision ?? PRESENT, start })).toString('base64url');
}

/** Throws 400. */
export function readToken(token: string): Continuation {
  if (!/^[A-Za-z0-9_-]*$/.test(token) || token.length % 4 === 1) throw refused('it is not base64');
  const { v, rv, start } = decode(Buffer.from(token, 'base64url').toString('utf8'));
  if (v !== VERSION) throw refused(`server does not recognize this encoded version ${String(v)}`);
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0) {
    throw refused(`incorrect encoded start resourceVersion (version ${VERSION})`);
  }
  if (typeof start !== 'string' || start === '') throw refused(`encoded start key empty (version ${VERSION})`);
  const key = start.startsWith('/') ? start : `/${start}`;
  if (clean(key) !== key) throw refused(`invalid key: ${start}`);
  return { revision: rv < 0 ? undefined : rv, start: key.slice(1) };
}

/** As Go cleans paths: without a slash at the end. */
function clean(path: string): string {
  const cleaned = posix.normalize(path);
  return cleaned.length > 1 && cleaned.endsWith('/') ? cleaned.slice(0, -1) : cleaned;
}

function decode(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // told below
  }
  throw refused('it holds no JSON object');
}
