import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrayAt, stringAt, valueAt } from '../json.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import { duplicateFields } from './duplicate-fields.ts';
import { negotiate } from './negotiate.ts';
import { decodeProtobuf } from './protobuf.ts';
import { parsePath } from './request-info.ts';
import { warningHeader } from './respond.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.stop();
});

const configMaps = '/api/v1/namespaces/default/configmaps';

describe('paths', () => {
  const resource = (path: string): unknown => {
    const parsed = parsePath(path);
    return parsed.kind === 'resource' ? parsed.resource : parsed.kind;
  };

  it('name resources, namespaces and subresources', () => {
    expect(resource('/api/v1/pods')).toEqual({ group: '', version: 'v1', plural: 'pods' });
    expect(resource('/api/v1/namespaces/a/pods/b/log')).toEqual({
      group: '',
      version: 'v1',
      namespace: 'a',
      plural: 'pods',
      name: 'b',
      subresource: 'log',
    });
    expect(resource('/api/v1/namespaces/a')).toEqual({ group: '', version: 'v1', plural: 'namespaces', name: 'a' });
    expect(resource('/api/v1/namespaces/a/status')).toEqual({
      group: '',
      version: 'v1',
      plural: 'namespaces',
      name: 'a',
      subresource: 'status',
    });
    expect(resource('/api/v1/namespaces/a/finalize')).toMatchObject({ subresource: 'finalize' });
    expect(resource('/apis/g.io/v2/things/x%2Fy')).toMatchObject({ name: 'x', subresource: 'y' });
    expect(resource('/apis/g.io/v2')).toBe('groupVersion');
    expect(resource('/api/v1/namespaces/a/pods/b/log/more')).toBe('other');
    expect(resource('/api/v1/pods/%E0%A4%A')).toBe('other');
    expect(resource('/healthz')).toBe('other');
  });

  it('cannot lead out of their prefix in the store', async () => {
    for (const path of [
      '/api/v1/namespaces/default%2F..%2Fkube-system/configmaps',
      '/api/v1/namespaces/../configmaps/x',
    ]) {
      const answer = await server.admin.call('GET', path);
      expect(answer.code === 404 || arrayAt(answer.body, 'items').length === 0, path).toBe(true);
    }
    const made = await server.admin.call('POST', '/api/v1/namespaces/default%2Fx/configmaps', {
      metadata: { name: 'y' },
    });
    expect(made.code).toBe(404);
    const name = await server.admin.call('POST', configMaps, { metadata: { name: '../x' } });
    expect(name.code).toBe(422);
  });
});

describe('negotiation', () => {
  it('finds the first form that it speaks', () => {
    expect(negotiate(undefined)).toBe('object');
    expect(negotiate('application/json;as=Table;v=v1;g=meta.k8s.io,application/json')).toBe('table');
    expect(negotiate('application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json')).toBe('object');
    expect(negotiate('application/vnd.kubernetes.protobuf,application/json')).toBe('object');
    expect(negotiate('application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io')).toBe('partialList');
    expect(() => negotiate('text/html')).toThrow('only the following media types are accepted');
  });

  it('answers metadata alone to those who want no more', async () => {
    await server.admin.call('POST', configMaps, { metadata: { name: 'partial' }, data: { a: 'b' } });
    const accept = { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' };
    const { body } = await server.admin.call('GET', configMaps, undefined, accept);
    expect(body.kind).toBe('PartialObjectMetadataList');
    expect(arrayAt(body, 'items')[0]).not.toHaveProperty('data');
  });
});

describe('bodies', () => {
  it('that are too large are refused', async () => {
    const answer = await server.admin.call('POST', configMaps, {
      metadata: { name: 'big' },
      data: { a: 'x'.repeat(4_000_000) },
    });
    expect(answer.body).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
  });

  it('that are no JSON, or of an unknown type, are refused', async () => {
    expect((await server.admin.call('POST', configMaps, '{"a":')).body).toMatchObject({
      code: 400,
      reason: 'BadRequest',
    });
    expect((await server.admin.call('POST', configMaps, '[]')).body).toMatchObject({ code: 400 });
    const type = { 'content-type': 'text/xml' };
    expect((await server.admin.call('POST', configMaps, '<a/>', type)).body).toMatchObject({
      code: 415,
      reason: 'UnsupportedMediaType',
    });
  });

  it('may be YAML', async () => {
    const answer = await server.admin.call('POST', configMaps, 'metadata:\n  name: yaml\ndata: {a: b}\n', {
      'content-type': 'application/yaml',
    });
    expect(answer.body).toMatchObject({ data: { a: 'b' } });
  });

  it('are read from protobuf for the kinds that kubectl sends so', () => {
    const field = (number: number, content: Buffer | string): Buffer => {
      const bytes = Buffer.from(content);
      return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
    };
    const object = (kind: string, ...fields: readonly Buffer[]): Buffer => {
      const type = Buffer.concat([field(1, 'v1'), field(2, kind)]);
      return Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, Buffer.concat(fields))]);
    };
    const entry = Buffer.concat([field(1, 'k'), field(2, 'v')]);
    expect(decodeProtobuf(object('ConfigMap', field(1, field(1, 'n')), field(2, entry), Buffer.from([32, 1])))).toEqual(
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'n' },
        data: { k: 'v' },
        immutable: true,
      },
    );
    expect(() => decodeProtobuf(object('Deployment'))).toThrow(
      'objects of kind "Deployment" cannot be sent as protobuf',
    );
    expect(() => decodeProtobuf(Buffer.from('nonsense'))).toThrow('not a Kubernetes protobuf object');
    expect(() => decodeProtobuf(object('ConfigMap', Buffer.from([10, 200])))).toThrow('cut short');
  });
});

describe('duplicate fields', () => {
  it('are found with their paths', () => {
    expect(duplicateFields('{"a":1,"b":{"c":[{"d":1,"d":2},{"d":3}]},"a":{"x":"a\\"b,{"}}')).toEqual(['b.c[0].d', 'a']);
    expect(duplicateFields('{"a":{"a":1},"b":["a","a",{"a":"a"}]}')).toEqual([]);
    expect(duplicateFields('{"\\u0061":1,"a":2,"q\\\\":1,"q\\\\":2}')).toEqual(['a', 'q\\']);
    expect(duplicateFields('"a"')).toEqual([]);
  });

  it('and unknown ones are warnings unless told otherwise', async () => {
    const answer = await server.admin.call('POST', configMaps, { metadata: { name: 'warned' }, bogus: 1 });
    expect(answer.headers.warning).toBe('299 - "unknown field \\"bogus\\""');
    const ignored = await server.admin.call('POST', `${configMaps}?fieldValidation=Ignore`, {
      metadata: { name: 'ignored' },
      bogus: 1,
    });
    expect(ignored.headers.warning).toBeUndefined();
    expect(warningHeader('a\nb"c')).toBe('299 - "a b\\"c"');
  });
});

describe('connections', () => {
  const open = (keys = server.adminKeys): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const socket = connect({
        host: '127.0.0.1',
        port: server.server.port,
        ca: server.caPem,
        cert: keys.certPem,
        key: keys.keyPem,
      });
      socket.once('secureConnect', () => resolve(socket));
      socket.once('error', reject);
    });

  it('that are slow hold up nobody else', async () => {
    const slow = await Promise.all(Array.from({ length: 20 }, () => open()));
    for (const socket of slow) socket.write(`POST ${configMaps} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{`);
    expect((await server.admin.call('GET', configMaps)).code).toBe(200);
    for (const socket of slow) socket.destroy();
  });

  it('with headers beyond all measure are refused', async () => {
    const socket = await open();
    const answer = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
    socket.write(`GET /version HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(64 * 1024)}\r\n\r\n`);
    expect(await answer).toContain('431');
    socket.destroy();
  });

  it('that resume a TLS session keep their identity, also when they have none', async () => {
    const stranger = await startTestServer();
    try {
      for (const [keys, code] of [
        [server.adminKeys, 200],
        [await stranger.issue('polarstack-admin', ['system:masters']), 401],
      ] as const) {
        const client = server.client(keys);
        const codes = await Promise.all(Array.from({ length: 8 }, () => client.call('GET', configMaps)));
        expect(new Set(codes.map((answer) => answer.code))).toEqual(new Set([code]));
        client.agent.destroy();
        const again = await client.call('GET', configMaps);
        expect(again.code).toBe(code);
      }
    } finally {
      await stranger.stop();
    }
  });
});

describe('paths beside the API', () => {
  it('tell version, health and numbers', async () => {
    expect((await server.admin.call('GET', '/version')).body).toMatchObject({ major: '1', minor: '32' });
    for (const path of ['/healthz', '/livez', '/readyz', '/readyz/ping'])
      expect((await server.admin.call('GET', path)).text).toBe('ok');
    expect((await server.admin.call('GET', '/metrics')).text).toContain(
      'apiserver_request_total{verb="get",code="200"}',
    );
    expect((await server.admin.call('GET', '/nonsense')).code).toBe(404);
  });

  it('tell what is served, in both forms', async () => {
    const aggregated = await server.admin.call('GET', '/apis', undefined, {
      accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json',
    });
    expect(aggregated.body.kind).toBe('APIGroupDiscoveryList');
    expect((await server.admin.call('GET', '/apis')).body.kind).toBe('APIGroupList');
    expect((await server.admin.call('GET', '/api')).body.versions).toEqual(['v1']);
    expect((await server.admin.call('GET', '/apis/storage.k8s.io')).body.kind).toBe('APIGroup');
    const core = await server.admin.call('GET', '/api/v1');
    const names = arrayAt(core.body, 'resources').map((r) => valueAt(r, 'name'));
    expect(names).toEqual(
      expect.arrayContaining(['pods', 'pods/log', 'pods/exec', 'pods/status', 'namespaces/finalize']),
    );
    expect((await server.admin.call('GET', '/apis/none.example.com/v1')).code).toBe(404);
  });

  it('describe every kind in OpenAPI, with all references resolved', async () => {
    const index = await server.admin.call('GET', '/openapi/v3');
    const paths = Object.keys(index.body.paths as object);
    expect(paths).toEqual(expect.arrayContaining(['api/v1', 'apis/apiextensions.k8s.io/v1']));
    for (const path of paths) {
      const document = await server.admin.call('GET', stringAt(index.body, 'paths', path, 'serverRelativeURL') ?? '');
      const schemas = Object.keys(valueAt(document.body, 'components', 'schemas') as object);
      for (const [, name] of document.text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
        expect(schemas).toContain(name);
      expect(document.text).toContain('"name":"fieldValidation"');
    }
  });
});
