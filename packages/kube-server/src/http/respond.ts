import type { ServerResponse } from 'node:http';
import { isStackError } from '@polarstack/base';
import { ApiError, errors, type FailureStatus } from './status.ts';

export function sendText(response: ServerResponse, code: number, type: string, text: string): void {
  response.writeHead(code, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
  });
  response.end(text);
}

export function sendJson(response: ServerResponse, code: number, value: unknown): void {
  sendText(response, code, 'application/json', `${JSON.stringify(value)}\n`);
}

/** Whatever was thrown, as a `Status`. What nobody foresaw shows no inner details. */
export function toStatus(error: unknown): FailureStatus {
  if (error instanceof ApiError) return error.status;
  if (isStackError(error)) {
    if (error.code === 'StateObjectTooLarge') return errors.tooLargeObject(error.message).status;
    if (error.code === 'StateDiskFull') return errors.diskFull(error.message).status;
    if (error.code === 'StateClosed') return errors.unavailable('the server is stopping').status;
    return errors.internal(`${error.code}: ${error.message}`).status;
  }
  return errors.internal('the request failed for a reason that the log of the server tells').status;
}

/** A warning that kubectl prints, in the form of RFC 7234. */
export function warningHeader(text: string): string {
  return `299 - "${text
    .replace(/[^\x20-\x7e]/g, ' ')
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')}"`;
}
