import type { IncomingMessage } from 'node:http';
import { errors } from './status.ts';

/** Throws 400 for a request target that is no URL. */
export function parseUrl(request: IncomingMessage): URL {
  const target = request.url ?? '/';
  if (!URL.canParse(target, 'https://localhost')) throw errors.badRequest('the request target is no URL');
  return new URL(target, 'https://localhost');
}
