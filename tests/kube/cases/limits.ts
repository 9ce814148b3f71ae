import { expect } from 'vitest';
import { applyPatch, jsonPatch, mergePatch, strategicPatch } from '../api.ts';
import { topic } from '../case.ts';
import { defineThings } from '../resource.ts';

const MiB = 1024 * 1024;
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

export const limitCases = topic('limits', {
  'of a body': async (api) => {
    const path = api.core('configmaps');
    const body = JSON.stringify({ metadata: { name: 'one' }, data: { a: 'x'.repeat(3 * MiB) } });
    for (const [method, where, headers] of [
      ['POST', path, {}],
      ['PUT', `${path}/one`, {}],
      ['PATCH', `${path}/one`, mergePatch],
      ['PATCH', `${path}/one?fieldManager=me`, applyPatch],
      ['DELETE', `${path}/one`, {}],
    ] as const) {
      const answer = await api.call(method, where, body, headers);
      expect(answer.body, method).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
    }
  },

  'of data, annotations and names': async (api) => {
    const path = api.core('configmaps');
    const big = 'x'.repeat(MiB + 1);
    expect((await api.brief('POST', path, { metadata: { name: 'one' }, data: { a: big } })).code).toBe(422);
    expect((await api.brief('POST', path, { metadata: { name: 'fits' }, data: { a: 'x'.repeat(MiB - 1) } })).code).toBe(
      201,
    );
    const annotations = { 'example.com/a': 'x'.repeat(256 * 1024) };
    expect((await api.brief('POST', path, { metadata: { name: 'one', annotations } })).code).toBe(422);
    const fits = { 'example.com/a': 'x'.repeat(256 * 1024 - 13) };
    await api.brief('POST', path, { metadata: { name: 'two', annotations: fits } });
    await api.call('POST', path, { metadata: { name: 'three', labels: { ['k'.repeat(64)]: 'v' } } });
    await api.call('POST', path, { metadata: { name: 'three', labels: { k: 'v'.repeat(64) } } });
    await api.call('POST', path, { metadata: { name: 'three', labels: { [`${'p'.repeat(254)}/k`]: 'v' } } });
    await api.call('POST', path, { metadata: { name: 'three', finalizers: [`example.com/${'f'.repeat(64)}`] } });
  },

  'of what is stored': async (api) => {
    const { path, thing } = await defineThings(api);
    const answer = await api.brief('POST', path, thing('one', { text: 'x'.repeat(2 * MiB) }));
    api.note('reason', answer.body.reason);
    expect(answer.code).toBeGreaterThanOrEqual(400);
    await api.quiet('POST', path, thing('two', { text: 'x'.repeat(MiB) }));
    const more = await api.brief('PATCH', `${path}/two`, { spec: { more: 'y'.repeat(MiB) } }, mergePatch);
    expect(more.code).toBeGreaterThanOrEqual(400);
    expect((await api.brief('GET', `${path}/two`)).code).toBe(200);
  },

  'of depth': async (api) => {
    const { path, thing } = await defineThings(api);
    // Between ours and theirs (ten thousand) lies what no object needs.
    for (const depth of [10, 1_000, 11_000, 100_000, 1_000_000]) {
      const text = JSON.stringify(thing(`deep-${depth}`, { list: [] })).replace('"list":[]', `"list":${nested(depth)}`);
      await api.brief('POST', path, text);
    }
    await api.quiet('POST', path, thing('one'));
    for (const depth of [1_000, 11_000, 100_000]) {
      await api.brief('PATCH', `${path}/one`, `{"spec":{"list":${nested(depth)}}}`, mergePatch);
      await api.brief('PATCH', `${path}/one`, `[{"op":"add","path":"/spec/x","value":${nested(depth)}}]`, jsonPatch);
    }
    await api.brief('POST', api.core('configmaps'), `{"metadata":{"name":"x"},"data":{"a":${nested(11_000)}}}`);
    expect((await api.brief('GET', `${path}/one`)).code).toBe(200);
  },

  'of the operations of a patch': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    const operations = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/metadata/name', value: 'one' }));
    expect((await api.brief('PATCH', `${path}/one`, operations, jsonPatch)).code).toBe(413);
    await api.brief('PATCH', `${path}/one`, operations.slice(1), jsonPatch);
  },

  'texts that are no UTF-8': async (api) => {
    const path = api.core('configmaps');
    const bytes = (text: string) => Buffer.from(text, 'latin1');
    await api.call('POST', path, bytes('{"metadata":{"name":"one"},"data":{"a":"\xff\xfe"}}'));
    await api.brief('POST', path, bytes('{"metadata":{"name":"\xff"}}'));
    await api.call('POST', path, '{"metadata":{"name":"two"},"data":{"a":"\\ud800"}}');
    await api.call('POST', path, '{"metadata":{"name":"three"},"data":{"a":"\\u0000"}}');
    await api.brief('POST', path, '\ufeff{"metadata":{"name":"four"}}');
    await api.brief('POST', path, '{"metadata":{"name":"five"}} trailing');
    await api.brief('POST', path, '{"metadata":{"name":"six"}}{}');
    await api.brief('POST', path, '  {"metadata":{"name":"seven"}}\n\n');
    await api.brief('POST', path, '{"metadata":{"name":"eight"},}');
    await api.brief('POST', path, "{'metadata':{}}");
  },

  'numbers of every size': async (api) => {
    const { path, thing } = await defineThings(api);
    for (const [name, number] of [
      ['large', '9007199254740993'],
      ['largest', '9223372036854775807'],
      ['float', '1.5'],
      ['exponent', '1e3'],
      ['tiny', '1e-7'],
      ['negative-zero', '-0'],
      ['whole', '2.0'],
    ] as const) {
      const text = JSON.stringify(thing(name, { n: 0 })).replace('"n":0', `"n":${number}`);
      const made = await api.quiet('POST', path, text);
      expect(made.code, name).toBe(201);
      const shown = /"n":([^,}]+)/.exec((await api.quiet('GET', `${path}/${name}`)).text)?.[1];
      api.note(`the number ${name}`, name.startsWith('large') ? shown : Number(shown));
    }
    for (const number of ['1e400', '01', '+1', 'NaN', '0x10', '.5']) {
      const text = JSON.stringify(thing('bad', { n: 0 })).replace('"n":0', `"n":${number}`);
      await api.brief('POST', path, text);
      await api.quiet('DELETE', `${path}/bad`);
    }
  },

  'types of bodies': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    for (const type of [
      'text/plain',
      'application/xml',
      'application/json; charset=utf-8',
      'APPLICATION/JSON',
      'application/yaml',
      'application/jsonx',
      'json',
      'multipart/form-data; boundary=x',
    ]) {
      await api.brief('POST', path, { metadata: { name: 'two' } }, { 'content-type': type });
      await api.quiet('DELETE', `${path}/two`);
      await api.brief('PATCH', `${path}/one`, {}, { 'content-type': type });
    }
    for (const type of [strategicPatch, mergePatch]) {
      const named = { 'content-type': `${type['content-type']}; charset=utf-8` };
      await api.brief('PATCH', `${path}/one`, {}, named);
    }
  },

  'types of answers': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    for (const accept of [
      'text/html',
      'application/xml, text/html',
      'text/*',
      '*/*',
      'application/*',
      'application/json;q=0.5, text/html',
      'text/html, application/json',
      'application/json;as=Table;v=v2;g=meta.k8s.io',
      'application/json;as=Nonsense;v=v1;g=meta.k8s.io',
      'application/json;as=Nonsense;v=v1;g=meta.k8s.io, application/json',
      '',
    ]) {
      await api.brief('GET', `${path}/one`, undefined, { accept });
      await api.brief('GET', path, undefined, { accept });
      await api.brief('GET', `${path}?watch=true&timeoutSeconds=1&resourceVersion=0`, undefined, { accept });
    }
  },
});
