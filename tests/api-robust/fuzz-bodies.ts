/** Bodies: objects with something wrong in them, patches, and texts that parsers stumble over. */
import fc from 'fast-check';
import { type Kind, name } from './fuzz-words.ts';

const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    null,
    '',
    0,
    -1,
    1e21,
    true,
    [],
    {},
    [null],
    [[]],
    [{}],
    '1Gi',
    '99999999999Ei',
    '2020-01-01T00:00:00Z',
    { a: null },
  ),
);
const field = fc.constantFrom(
  'metadata',
  'spec',
  'status',
  'data',
  'stringData',
  'binaryData',
  'labels',
  'annotations',
  'finalizers',
  'ownerReferences',
  'managedFields',
  'name',
  'namespace',
  'generateName',
  'resourceVersion',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'containers',
  'ports',
  'selector',
  'template',
  'replicas',
  'versions',
  'schema',
  'openAPIV3Schema',
  'properties',
  'x-kubernetes-validations',
  'rules',
  'group',
  'names',
  'scope',
  'conversion',
  'size',
  'validations',
  'expression',
  '$patch',
  '$retainKeys',
  '$setElementOrder/containers',
  '$deleteFromPrimitiveList/finalizers',
  '__proto__',
  'constructor',
  'toString',
);
export const tree: fc.Arbitrary<unknown> = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    value,
    fc.array(fc.tuple(field, tie('node')), { maxLength: 4 }).map((pairs) => entries(pairs)),
    fc.array(tie('node'), { maxLength: 3 }),
  ),
})).node;

/** Own properties, whatever they are called. */
function entries(pairs: readonly (readonly [string, unknown])[]): unknown {
  const object: Record<string, unknown> = {};
  for (const [key, one] of pairs)
    Object.defineProperty(object, key, { value: one, enumerable: true, configurable: true, writable: true });
  return object;
}

const validBodies: Readonly<Record<string, object>> = {
  ConfigMap: { data: { a: '1' } },
  Secret: { stringData: { password: 'hunter2' } },
  Pod: { spec: { containers: [{ name: 'c', image: 'host', command: ['sleep'] }] } },
  Service: { spec: { ports: [{ port: 80 }], selector: { a: 'b' } } },
  Deployment: {
    spec: {
      replicas: 1,
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'host' }] } },
    },
  },
  Lease: { spec: { holderIdentity: 'me' } },
  Widget: { spec: { size: 1 } },
};

/** An object that could be valid, with something in it replaced. */
export const bodyOf = (of: Kind): fc.Arbitrary<unknown> =>
  fc
    .tuple(name, fc.array(fc.tuple(fc.array(field, { minLength: 1, maxLength: 3 }), tree), { maxLength: 2 }))
    .map(([called, changes]) => {
      const body = structuredClone({
        apiVersion: of.apiVersion,
        kind: of.kind,
        metadata: { name: called },
        ...validBodies[of.kind],
      }) as Record<string, unknown>;
      for (const [path, one] of changes) {
        let at = body;
        for (const step of path.slice(0, -1)) {
          const next = Object.hasOwn(at, step) ? at[step] : undefined;
          if (typeof next !== 'object' || next === null) break;
          at = next as Record<string, unknown>;
        }
        Object.defineProperty(at, path.at(-1) ?? 'a', {
          value: one,
          enumerable: true,
          configurable: true,
          writable: true,
        });
      }
      return body;
    });

const pointer = fc
  .array(fc.oneof(field, fc.constantFrom('0', '-', '-1', '~0', '~1', '~2', '~', '', '01')), { maxLength: 5 })
  .map((parts) => parts.map((part) => `/${part}`).join(''));
export const jsonPatch = fc.array(
  fc.oneof(
    fc.record({
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'nonsense'),
      path: pointer,
      from: pointer,
      value: tree,
    }),
    value,
  ),
  { maxLength: 5 },
);
export const yamlText = fc.constantFrom(
  'a: &x [1]\nb: [*x, *x]\n',
  `a: &a [1,1,1,1]\n${'bcdefghi'
    .split('')
    .map((c, i) => `${c}: &${c} [${`*${String.fromCharCode(97 + i)},`.repeat(20)}]`)
    .join('\n')}\n`,
  'a: *missing\n',
  '<<: {a: 1}\n__proto__: {polluted: yes}\n',
  'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: !!binary aGk=}\n',
  '--- \n--- \n',
  '? {a: b}\n: c\n',
  '!<tag:yaml.org,2002:js/function> "x"\n',
  '\t\n',
  '[[[[[[[[[[',
  '{a: 1, a: 2}',
  '"\\uD800"',
  'a: .inf\nb: .nan\nc: 0x1F\nd: 1_000\n',
  `${'- '.repeat(5_000)}a\n`,
  `${'? '.repeat(400)}a\n`,
);
export const texts = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.constantFrom(
    '',
    '{',
    '[',
    'null',
    '1',
    '"a"',
    '{"a":1}{',
    '\u0000',
    '{"__proto__":{"a":1}}',
    '['.repeat(20_000),
    `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
    '{"a":1e400}',
    '"\\ud800"',
    'k8s\u0000\n\u0002v1\u0012\u0003Pod',
  ),
);
