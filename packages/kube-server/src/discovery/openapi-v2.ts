import type { ServerResponse } from 'node:http';
import { sendJson } from '../http/respond.ts';

const info = { title: 'PolarDB Stack', version: 'unversioned' };

/** A field of a protobuf message: its number, and bytes or text. */
function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length > 127) throw new RangeError('a field of one length byte is all that is needed here');
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

/** gnostic's `openapi.v2.Document` with `swagger` and `info`. */
const document = Buffer.concat([
  field(1, '2.0'),
  field(2, Buffer.concat([field(1, info.title), field(2, info.version)])),
]);

/**
 * `/openapi/v2`, which kubectl reads for one thing still: to check a `kind: List` before it sends its items one by one.
 * The document describes no types (those are in `/openapi/v3`), so kubectl leaves checking to the server, which does it
 * for each item.
 */
export function sendOpenApiV2(response: ServerResponse): void {
  const accept = response.req.headers.accept ?? '';
  if (!accept.includes('proto-openapi')) {
    sendJson(response, 200, { swagger: '2.0', info, paths: {}, definitions: {} });
    return;
  }
  response.writeHead(200, {
    'content-type': 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
    'content-length': document.length,
    'cache-control': 'no-cache, private',
  });
  response.end(document);
}
