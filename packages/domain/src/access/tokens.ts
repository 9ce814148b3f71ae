/**
 * Bearer tokens of the REST API. Only hashes are kept: whoever reads the Secret can use none of them.
 *
 * Invariants (tests cite them):
 * - TK1 A token is known by the hash of all of it; comparing takes the same time wherever it differs.
 * - TK2 What cannot be read in the Secret is no token: it opens nothing.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** The Secret, in `polarstack-system`; each key is the id of a token. */
export const TOKENS_SECRET = 'polarstack-api-tokens';

export const tokenScopes = ['read', 'operate'] as const;
/** `read`: see everything and plan. `operate`: also make and steer operations. */
export type TokenScope = (typeof tokenScopes)[number];

export interface TokenRecord {
  /** Given by whoever made it; the requester of its operations. */
  readonly name: string;
  readonly scope: TokenScope;
  /** SHA-256 of the token, in hex. It has 256 random bits, so that no slower hash is needed. */
  readonly hash: string;
  readonly createdAt: string;
  readonly expiresAt?: string;
}

export interface NewToken {
  readonly id: string;
  /** Shown once, and kept by nobody. */
  readonly token: string;
  readonly record: TokenRecord;
}

const PREFIX = 'pst';
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

export function newToken(name: string, scope: TokenScope, now: Date, expiresAt?: Date): NewToken {
  const id = randomBytes(6).toString('hex');
  const token = `${PREFIX}_${id}_${randomBytes(32).toString('base64url')}`;
  const record = { name, scope, hash: hashOf(token), createdAt: now.toISOString() };
  return { id, token, record: { ...record, ...(expiresAt && { expiresAt: expiresAt.toISOString() }) } };
}

export const renderToken = (record: TokenRecord): string => JSON.stringify(record);

/** Undefined where the text is none (TK2). */
export function parseToken(text: string): TokenRecord | undefined {
  try {
    const { name, scope, hash, createdAt, expiresAt } = JSON.parse(text) as Partial<TokenRecord>;
    const known = tokenScopes.find((each) => each === scope);
    if (typeof name !== 'string' || !known || typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash))
      return undefined;
    if (expiresAt !== undefined && Number.isNaN(Date.parse(expiresAt))) return undefined;
    return { name, scope: known, hash, createdAt: String(createdAt), ...(expiresAt !== undefined && { expiresAt }) };
  } catch {
    return undefined;
  }
}

/** Whose token it is; undefined where it is unknown or its time is over. `records`: by id. */
export function whoseToken(
  token: string,
  records: ReadonlyMap<string, TokenRecord>,
  now: Date,
): TokenRecord | undefined {
  const id = /^pst_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/.exec(token)?.[1];
  const record = id === undefined ? undefined : records.get(id);
  if (!record) return undefined;
  const matches = timingSafeEqual(Buffer.from(hashOf(token), 'hex'), Buffer.from(record.hash, 'hex'));
  const isOver = record.expiresAt !== undefined && Date.parse(record.expiresAt) <= now.getTime();
  return matches && !isOver ? record : undefined;
}
