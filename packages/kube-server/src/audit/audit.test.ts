import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodConnector } from '@polarstack/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { arrayAt, isObject, type JsonObject, stringAt, valueAt } from '../json.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import { openWatch } from '../testing/watch-client.ts';

const connector: PodConnector = {
  exec: async () => 0,
  logs: async function* () {},
};

let folder: string;
let running: TestServer;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'polarstack-audit-'));
  running = await startTestServer({ connector, server: { audit: { file: join(folder, 'audit.log') } } });
});
afterEach(async () => {
  await running.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What was written when the server has stopped: `close` has flushed it. */
async function written(): Promise<readonly JsonObject[]> {
  await running.server.close();
  return readFileSync(join(folder, 'audit.log'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
    .filter(isObject);
}
const brief = (event: JsonObject): string =>
  [
    event.stage,
    event.verb,
    stringAt(event, 'objectRef', 'resource'),
    stringAt(event, 'objectRef', 'name'),
    valueAt(event, 'responseStatus', 'code'),
  ].join(' ');

const secrets = '/api/v1/namespaces/default/secrets';

describe('the audit log', () => {
  it('says who did what, when, and what came of it, in the form of Kubernetes', async () => {
    const ann = running.client(await running.issue('ann', ['dev', 'ops']));
    await running.admin.call(
      'POST',
      secrets,
      { metadata: { name: 's' }, stringData: { p: 'hunter2' } },
      { 'user-agent': 'me/1' },
    );
    await running.admin.call('GET', `${secrets}/s`);
    await running.admin.call('GET', '/api/v1/namespaces/default/configmaps');
    await running.admin.call('POST', secrets, { metadata: { name: 's' }, stringData: { p: 'hunter2' } });
    await running.admin.call('POST', secrets, { metadata: { name: 'T!' }, stringData: { p: 'hunter2' } });
    await ann.call('DELETE', `${secrets}/s?token=hunter2`);
    await running.client().call('DELETE', `${secrets}/s`);
    await running.admin.call('POST', '/api/v1/namespaces/default/configmaps', { metadata: { generateName: 'g-' } });
    const events = await written();
    expect(events.map(brief)).toEqual([
      'ResponseComplete create secrets s 201',
      'ResponseComplete get secrets s 200',
      'ResponseComplete create secrets s 409',
      'ResponseComplete create secrets T! 422',
      'ResponseComplete delete secrets s 403',
      'ResponseComplete delete secrets s 401',
      expect.stringMatching(/^ResponseComplete create configmaps g-\w{5} 201$/) as string,
    ]);
    expect(JSON.stringify(events)).not.toContain('hunter2');
    const [first] = events;
    expect(first).toMatchObject({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'Metadata',
      requestURI: secrets,
      user: { username: 'polarstack-admin', groups: ['system:masters', 'system:authenticated'] },
      sourceIPs: ['127.0.0.1'],
      userAgent: 'me/1',
      objectRef: { resource: 'secrets', namespace: 'default', name: 's', apiVersion: 'v1' },
      annotations: { 'authorization.k8s.io/decision': 'allow' },
    });
    expect(stringAt(first, 'requestReceivedTimestamp')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(stringAt(first, 'auditID')).toMatch(/^[0-9a-f-]{36}$/);
    const forbidden = events[4];
    expect(stringAt(forbidden, 'user', 'username')).toBe('ann');
    expect(arrayAt(forbidden, 'user', 'groups')).toEqual(['dev', 'ops', 'system:authenticated']);
    expect(stringAt(forbidden, 'responseStatus', 'reason')).toBe('Forbidden');
    expect(stringAt(forbidden, 'annotations', 'authorization.k8s.io/decision')).toBe('forbid');
  });

  it('has the beginning and the end of what runs long', async () => {
    const watch = await openWatch(running.admin, running.server.port, `${secrets}?watch=true`);
    watch.close();
    await watch.closed;
    const pods = '/api/v1/namespaces/default/pods';
    await running.admin.call('POST', pods, {
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    const { adminKeys, caPem, server } = running;
    const socket = new WebSocket(
      `wss://127.0.0.1:${server.port}${pods}/p/exec?command=psql&command=-c&command=hunter2`,
      ['v5.channel.k8s.io'],
      { ca: caPem, cert: adminKeys.certPem, key: adminKeys.keyPem },
    );
    await new Promise((resolve) => socket.once('close', resolve));
    const events = await written();
    expect(events.map(brief).toSorted()).toEqual([
      'ResponseComplete create pods p 101',
      'ResponseComplete create pods p 201',
      'ResponseComplete watch secrets  200',
      'ResponseStarted create pods p 101',
      'ResponseStarted watch secrets  200',
    ]);
    expect(JSON.stringify(events)).not.toContain('hunter2');
    const started = events.find(
      (event) => event.stage === 'ResponseStarted' && valueAt(event, 'responseStatus', 'code') === 101,
    );
    expect(started?.requestURI).toBe(`${pods}/p/exec?command=psql&command=redacted&command=redacted`);
    const ids = events.filter((event) => stringAt(event, 'objectRef', 'subresource') === 'exec').map((e) => e.auditID);
    expect(ids).toEqual([ids[0], ids[0]]);
  });

  it('that cannot be written stops no request, and metrics show it', async () => {
    rmSync(folder, { recursive: true, force: true });
    expect((await running.admin.call('POST', secrets, { metadata: { name: 'still' } })).code).toBe(201);
    let lost = '0';
    while (lost === '0') {
      const { text } = await running.admin.call('GET', '/metrics');
      lost = /^apiserver_audit_error_total\{plugin="log"\} (\d+)$/m.exec(text)?.[1] ?? '0';
    }
    expect(Number(lost)).toBeGreaterThan(0);
  });
});
