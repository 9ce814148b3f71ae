import type { ServerResponse } from 'node:http';
import { isStackError } from '@polarstack/base';
import { type ScalarTag, stringify } from 'yaml';
import { prefersYaml } from './negotiate.ts';
import { ApiError, errors, type FailureStatus } from './status.ts';

export function sendText(response: ServerResponse, code: number, type: string, text: string): void {
  response.writeHead(code, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
  });
  response.end(text);
}

/** Sends a value as JSON, or as YAML to a client that prefers it. */
export function sendJson(response: ServerResponse, code: number, value: unknown): void {
  if (prefersYaml(response.req.headers.accept)) sendText(response, code, 'application/yaml', yamlText(value));
  else sendText(response, code, 'application/json', `${JSON.stringify(value)}\n`);
}

/** In the order, with the indentation and the quotes of Kubernetes. */
export function yamlText(value: unknown): string {
  return stringify(value, {
    version: '1.1',
    // In ownership of fields a lone point is a key; Go does not take it for a number.
    customTags: (tags) =>
      tags.map((tag) =>
        typeof tag !== 'string' && tag.tag.endsWith(':float') && isPoint(tag) ? withDigits(tag) : tag,
      ),
    sortMapEntries: true,
    indentSeq: false,
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
}

const isPoint = (tag: object): tag is ScalarTag => 'test' in tag && tag.test instanceof RegExp && tag.test.test('.');
const withDigits = (tag: ScalarTag): ScalarTag => ({ ...tag, test: /^[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/ });

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
