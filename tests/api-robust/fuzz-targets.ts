/** Paths, of the API and of nothing. */
import fc from 'fast-check';
import { clusterKind, type Kind, kind, name, rarely, safely, subresource, word } from './fuzz-words.ts';

export const target = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        kind,
        fc.constantFrom('default', 'default', 'fuzz', 'missing'),
        fc.option(name, { nil: undefined, freq: 2 }),
        rarely(subresource),
      )
      .map(([of, namespace, called, sub]) => ({
        of: of as Kind,
        path: `${of.base}/namespaces/${namespace}/${of.plural}${called === undefined ? '' : `/${safely(called)}${sub === undefined ? '' : `/${sub}`}`}`,
      })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(clusterKind, fc.option(name, { nil: undefined, freq: 2 }), rarely(subresource))
      .map(([of, called, sub]) => ({
        of: of as Kind,
        path: `${of.base}/${of.plural}${called === undefined ? '' : `/${safely(called)}${sub === undefined ? '' : `/${sub}`}`}`,
      })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(kind, fc.constantFrom('', '/'))
      .map(([of, end]) => ({ of: of as Kind, path: `${of.base}/${of.plural}${end}` })),
  },
  {
    weight: 2,
    arbitrary: fc
      .array(
        fc.oneof(
          fc.constantFrom(
            'api',
            'apis',
            'v1',
            'namespaces',
            'openapi',
            'v3',
            'v2',
            'healthz',
            'metrics',
            'version',
            'watch',
            'proxy',
          ),
          word,
        ),
        { maxLength: 7 },
      )
      .map((parts) => ({
        of: { kind: 'ConfigMap', apiVersion: 'v1' },
        path: `/${parts
          .map((part) =>
            part
              .replace(/\p{Surrogate}/gu, '')
              .replace(/[^\x21-\x7e]/gu, encodeURIComponent)
              .replace(/[\s#?]/g, ''),
          )
          .join('/')}`,
      })),
  },
);
