/** Requests that no honest client sends, and some that one would: what the fuzz test draws from. */
import fc from 'fast-check';
import { bodyOf, jsonPatch, texts, tree, yamlText } from './fuzz-bodies.ts';
import { spdy, websocket } from './fuzz-frames.ts';
import { target } from './fuzz-targets.ts';
import { accept, extraHeader, type Kind, kind, name, nasty, query, rarely, safely, type } from './fuzz-words.ts';

export type FuzzRequest = FuzzContent & { readonly leaves: 'politely' | 'rudely' };

export type FuzzContent =
  | {
      readonly type: 'http';
      readonly method: string;
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      /** Sizes of chunks; none for a body with its length. */
      readonly chunks: readonly number[];
      /** Bytes after which the client leaves; undefined for a whole request. */
      readonly cut: number | undefined;
      readonly flips: readonly (readonly [number, number])[];
    }
  | { readonly type: 'websocket'; readonly path: string; readonly protocol: string; readonly frames: readonly Buffer[] }
  | { readonly type: 'spdy'; readonly path: string; readonly frames: readonly SpdyPiece[] };

/** A frame of SPDY: one with headers that are compressed by whoever sends it, or bytes as they are. */
export type SpdyPiece =
  | { readonly type: 'open'; readonly stream: number; readonly headers: Readonly<Record<string, string>> }
  | { readonly type: 'bytes'; readonly bytes: Buffer };

const method = fc.constantFrom(
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'CONNECT',
);

/** How the bytes go out: mostly whole and at once. */
const manner = fc.record({
  chunks: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 6 }) },
  ),
  cut: rarely(fc.nat(800)),
  flips: fc.oneof(
    { weight: 12, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 4 }) },
  ),
  accept: fc.oneof({ weight: 3, arbitrary: fc.constant('application/json') }, { weight: 1, arbitrary: accept }),
  extra: fc.oneof({ weight: 5, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: extraHeader }),
});

const text = (value: unknown): string => JSON.stringify(value) ?? '';

interface Sense {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
}

const patchOf = (of: Kind) =>
  fc.oneof(
    fc.tuple(fc.constant('application/json-patch+json'), jsonPatch.map(text)),
    fc.tuple(
      fc.constantFrom('application/merge-patch+json', 'application/strategic-merge-patch+json'),
      fc.oneof(bodyOf(of), tree).map(text),
    ),
    fc.tuple(
      fc.constant('application/apply-patch+yaml'),
      fc.oneof({ weight: 4, arbitrary: bodyOf(of).map(text) }, { weight: 1, arbitrary: yamlText }),
    ),
  );

/** A request whose parts fit each other: what is wrong with it lies deeper. */
const sensible: fc.Arbitrary<Sense> = fc
  .tuple(
    kind,
    fc.oneof({ weight: 5, arbitrary: fc.constantFrom('default', 'fuzz') }, { weight: 1, arbitrary: nasty }),
    name,
    query,
  )
  .chain(([of, namespace, called, asked]) => {
    const collection = `${of.base}/namespaces/${safely(namespace)}/${of.plural}`;
    const one = `${collection}/${safely(called)}`;
    const bare = asked.length % 3 === 0 ? asked : '';
    const manager = `${bare === '' ? '?' : `${bare}&`}fieldManager=fuzz&force=true`;
    const json = 'application/json';
    return fc.oneof(
      {
        weight: 4,
        arbitrary: bodyOf(of).map((body) => ({
          method: 'POST',
          path: `${collection}${bare}`,
          contentType: json,
          body: text(body),
        })),
      },
      {
        weight: 2,
        arbitrary: bodyOf(of).map((body) => ({
          method: 'PUT',
          path: `${one}${bare}`,
          contentType: json,
          body: text(body),
        })),
      },
      {
        weight: 4,
        arbitrary: patchOf(of).map(([contentType, body]) => ({
          method: 'PATCH',
          path: `${one}${manager}`,
          contentType,
          body,
        })),
      },
      {
        weight: 2,
        arbitrary: fc
          .constantFrom(collection, one)
          .map((path) => ({ method: 'GET', path: `${path}${asked}`, contentType: json, body: '' })),
      },
      { weight: 1, arbitrary: fc.constant({ method: 'DELETE', path: `${one}${bare}`, contentType: json, body: '' }) },
    );
  });

const senseless: fc.Arbitrary<Sense> = target.chain(({ of, path }) =>
  fc
    .record({
      method,
      query,
      contentType: type,
      body: fc.oneof(
        { weight: 3, arbitrary: bodyOf(of).map(text) },
        { weight: 2, arbitrary: tree.map(text) },
        { weight: 2, arbitrary: jsonPatch.map(text) },
        { weight: 1, arbitrary: yamlText },
        { weight: 1, arbitrary: texts },
        { weight: 1, arbitrary: fc.constant('') },
      ),
    })
    .map(({ query: asked, ...rest }) => ({ ...rest, path: `${path}${asked}` })),
);

const http: fc.Arbitrary<FuzzContent> = fc
  .tuple(fc.oneof(sensible, senseless), manner)
  .map(([{ contentType, ...rest }, { accept: accepted, extra, ...sent }]) => ({
    type: 'http',
    headers: { host: 'localhost', 'content-type': contentType, accept: accepted, ...extra },
    ...rest,
    ...sent,
  }));

export const fuzzRequest: fc.Arbitrary<FuzzRequest> = fc
  .tuple(
    fc.oneof({ weight: 10, arbitrary: http }, { weight: 2, arbitrary: websocket }, { weight: 2, arbitrary: spdy }),
    fc.constantFrom('politely' as const, 'rudely' as const),
  )
  .map(([content, leaves]) => ({ ...content, leaves }));
