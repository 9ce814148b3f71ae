import type { IncomingMessage } from 'node:http';
import { isObject } from '../json.ts';
import { duplicateFields } from './duplicate-fields.ts';
import { parseText } from './json-text.ts';
import { decodeProtobuf } from './protobuf.ts';
import { ApiError, errors, failure } from './status.ts';
import { readYaml } from './yaml-text.ts';

/** The largest request body, in bytes; what Kubernetes takes. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

export function readBody(request: IncomingMessage, limit = MAX_BODY_BYTES): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > limit) {
      reject(errors.tooLarge(limit));
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) reject(errors.tooLarge(limit));
      else chunks.push(chunk);
    });
    request.on('end', () => {
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    });
    request.on('error', () => {
      reject(errors.badRequest('the connection broke before the whole body arrived'));
    });
    request.on('aborted', () => {
      reject(errors.badRequest('the connection broke before the whole body arrived'));
    });
  });
}

export interface DecodedBody {
  readonly value: unknown;
  /** Fields that the text has twice; the last one counts. */
  readonly duplicates: readonly string[];
}

export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** Parses a JSON text; `what` names it in the message. */
export function parseJson(text: string): unknown {
  try {
    return parseText(text);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw errors.badRequest(
      `the object provided is unrecognized (must be of type Status): couldn't get version/kind; json parse error: ${why}`,
    );
  }
}

/** Reads an object in JSON, YAML or (for the kinds that kubectl sends so) protobuf. */
export async function decodeObject(body: Buffer, type: string, findDuplicates: boolean): Promise<DecodedBody> {
  switch (type) {
    case 'application/json':
    case 'application/x-www-form-urlencoded': // what curl sends when told nothing
    case '': {
      const text = body.toString('utf8');
      return { value: parseJson(text), duplicates: findDuplicates ? duplicateFields(text) : [] };
    }
    case 'application/yaml': {
      const document = await readYaml(body.toString('utf8'));
      try {
        const [broken] = document.errors;
        if (broken) throw broken;
        return { value: document.toJS({ maxAliasCount: 100 }), duplicates: [] };
      } catch (error) {
        throw errors.badRequest(
          `error converting YAML to JSON: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
    case 'application/vnd.kubernetes.protobuf':
      return { value: decodeProtobuf(body), duplicates: [] };
    default:
      throw errors.unknownFormat(['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']);
  }
}

/** The body of a DELETE, undefined where there is none. Kubernetes calls one that it cannot read its own failure. */
export async function decodeOptions(
  body: Buffer,
  type: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (body.length === 0) return undefined;
  const { value } = await decodeObject(body, type, false).catch((error: unknown) => {
    throw error instanceof ApiError && error.status.code === 400
      ? failure(500, undefined, error.status.message ?? '')
      : error;
  });
  if (!isObject(value)) throw failure(500, undefined, 'the options of a deletion must be an object');
  if (value.kind !== undefined && value.kind !== 'DeleteOptions') {
    throw failure(500, undefined, `the options of a deletion are DeleteOptions, not ${JSON.stringify(value.kind)}`);
  }
  return value;
}
