/**
 * What is known about an error code before it happens.
 *
 * `remedy` speaks to the person who must act: what to check or run, in one or two sentences.
 * `retry` tells a caller what helps: `never` (the request itself is wrong), `later` (the world must change first,
 * back off), `now` (a race was lost; re-read and repeat at once).
 * `exit` is the exit code of the CLI (default 1).
 */
export interface ErrorEntry {
  readonly summary: string;
  readonly remedy: string;
  readonly retry: 'never' | 'later' | 'now';
  readonly exit?: number;
}

/** Keeps the literal keys of a part of the table while checking its entries. */
export function entries<const T extends Readonly<Record<string, ErrorEntry>>>(part: T): T {
  return part;
}
