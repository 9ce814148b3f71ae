import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cloneJson, equalJson, isObject } from '../json.ts';
import { builtinTypes } from '../schema/builtin/types.ts';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';
import { strategicMerge } from './strategic-merge.ts';

describe('merge patches', () => {
  it('follow RFC 7396', () => {
    const cases: readonly (readonly [unknown, unknown, unknown])[] = [
      [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
      [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
      [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
      [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
      [['a', 'b'], ['c'], ['c']],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [target, patch, result] of cases) expect(mergePatch(target, patch)).toEqual(result);
  });

  it('change neither input, and twice is once', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
        const [t, p] = [cloneJson(target), cloneJson(patch)];
        const once = mergePatch(target, patch);
        expect(equalJson(mergePatch(once, patch), once)).toBe(true);
        expect([target, patch]).toEqual([t, p]);
      }),
    );
  });
});

describe('JSON patches', () => {
  const document = { a: { b: [1, 2, 3] }, 'x/y': 1, 'm~n': 2 };

  it('add, remove, replace, move, copy and test', () => {
    expect(jsonPatch(document, [{ op: 'add', path: '/a/b/1', value: 9 }])).toMatchObject({ a: { b: [1, 9, 2, 3] } });
    expect(jsonPatch(document, [{ op: 'add', path: '/a/b/-', value: 9 }])).toMatchObject({ a: { b: [1, 2, 3, 9] } });
    expect(jsonPatch(document, [{ op: 'remove', path: '/a/b/0' }])).toMatchObject({ a: { b: [2, 3] } });
    expect(jsonPatch(document, [{ op: 'replace', path: '/x~1y', value: 5 }])).toMatchObject({ 'x/y': 5 });
    expect(jsonPatch(document, [{ op: 'move', from: '/m~0n', path: '/moved' }])).toMatchObject({ moved: 2 });
    expect(jsonPatch(document, [{ op: 'copy', from: '/a', path: '/c' }])).toMatchObject({ c: { b: [1, 2, 3] } });
    expect(jsonPatch(document, [{ op: 'test', path: '/a/b', value: [1, 2, 3] }])).toEqual(document);
    expect(jsonPatch(document, [{ op: 'replace', path: '', value: 1 }])).toBe(1);
  });

  it('fail as a whole, and say where', () => {
    const before = cloneJson(document);
    const apply = (operation: object) => () => jsonPatch(document, [{ op: 'remove', path: '/a' }, operation]);
    expect(apply({ op: 'remove', path: '/zz' })).toThrow('the path "/zz" does not exist');
    expect(apply({ op: 'add', path: '/a/b/9', value: 1 })).toThrow('does not exist');
    expect(apply({ op: 'test', path: '/x~1y', value: 2 })).toThrow('testing value /x~1y failed');
    expect(apply({ op: 'add', path: 'x', value: 1 })).toThrow('must start with "/"');
    expect(apply({ op: 'jump', path: '/x' })).toThrow('unknown operation "jump"');
    expect(apply({ path: '/x' })).toThrow('needs "op" and "path"');
    expect(() => jsonPatch(document, [{ op: 'add', path: '/a/b/9', value: 1 }])).toThrow(
      'points outside of a list of 3',
    );
    expect(() => jsonPatch(document, [{ op: 'move', from: '/a', path: '/a/b' }])).toThrow('cannot move into itself');
    expect(() => jsonPatch(document, {})).toThrow('a list of operations');
    expect(document).toEqual(before);
  });

  it('never reach a prototype', () => {
    const result = jsonPatch({}, JSON.parse('[{"op":"add","path":"/__proto__","value":{"polluted":true}}]'));
    expect((result as { polluted?: boolean }).polluted).toBeUndefined();
    expect(() => jsonPatch({}, [{ op: 'add', path: '/__proto__/polluted', value: true }])).toThrow('does not exist');
  });
});

describe('strategic merge patches', () => {
  const pod = builtinTypes()('Pod');
  const current = {
    metadata: { finalizers: ['a', 'b'], labels: { x: '1' } },
    spec: {
      containers: [
        { name: 'one', image: 'i1', ports: [{ containerPort: 80 }], args: ['x'] },
        { name: 'two', image: 'i2' },
      ],
      tolerations: [{ key: 'a' }],
    },
  };
  const patched = (patch: unknown): unknown => strategicMerge(current, patch, pod);

  it('join lists by key, replace plain ones and atomic ones', () => {
    expect(
      patched({
        spec: {
          containers: [
            { name: 'two', image: 'new' },
            { name: 'three', image: 'i3' },
          ],
        },
      }),
    ).toMatchObject({
      spec: { containers: [{ name: 'one', image: 'i1' }, { name: 'two', image: 'new' }, { name: 'three' }] },
    });
    expect(
      patched({ spec: { containers: [{ name: 'one', args: ['y'], ports: [{ containerPort: 81 }] }] } }),
    ).toMatchObject({
      spec: { containers: [{ args: ['y'], ports: [{ containerPort: 81 }, { containerPort: 80 }] }, {}] },
    });
    expect(patched({ spec: { tolerations: [{ key: 'b' }] } })).toMatchObject({ spec: { tolerations: [{ key: 'b' }] } });
  });

  it('know the directives', () => {
    expect(patched({ spec: { containers: [{ name: 'one', $patch: 'delete' }] } })).toMatchObject({
      spec: { containers: [{ name: 'two' }] },
    });
    expect(patched({ spec: { containers: [{ $patch: 'replace' }, { name: 'x' }] } })).toMatchObject({
      spec: { containers: [{ name: 'x' }] },
    });
    expect(patched({ metadata: { labels: { $patch: 'replace', y: '2' } } })).toMatchObject({
      metadata: { labels: { y: '2' } },
    });
    expect(patched({ metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } })).toMatchObject({
      metadata: { finalizers: ['b'] },
    });
    expect(patched({ metadata: { finalizers: ['c', 'a'] } })).toMatchObject({
      metadata: { finalizers: ['c', 'a', 'b'] },
    });
    expect(patched({ metadata: { $retainKeys: ['labels'] } })).toEqual({
      ...current,
      metadata: { labels: { x: '1' } },
    });
    const order = {
      spec: {
        '$setElementOrder/containers': [{ name: 'two' }, { name: 'one' }],
        containers: [{ name: 'two', image: 'n' }],
      },
    };
    expect(patched(order)).toMatchObject({ spec: { containers: [{ name: 'two', image: 'n' }, { name: 'one' }] } });
    expect(() => patched({ metadata: { $patch: 'nonsense' } })).toThrow('unrecognized value "nonsense"');
    expect(() => patched({ spec: { containers: [{ image: 'x' }] } })).toThrow(
      'does not contain declared merge key: name',
    );
  });

  it('leave no directive in the result and change neither input', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const container = fc.record({ name: key, image: key }, { requiredKeys: ['name'] });
    fc.assert(
      fc.property(fc.array(container), fc.array(container), fc.array(key), (before, patch, gone) => {
        const target = { spec: { containers: before } };
        const change = { spec: { containers: [...patch, ...gone.map((name) => ({ name, $patch: 'delete' }))] } };
        const [t, p] = [cloneJson(target), cloneJson(change)];
        const result = strategicMerge(target, change, pod);
        expect(JSON.stringify(result)).not.toContain('$patch');
        const names = (isObject(result) ? (result.spec as typeof target.spec).containers : []).map(({ name }) => name);
        for (const { name } of patch) expect(names.includes(name) || gone.includes(name)).toBe(true);
        expect([target, change]).toEqual([t, p]);
      }),
    );
  });
});
