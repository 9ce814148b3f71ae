/** What kubectl starts, or keeps running: plug-ins, a proxy, watches. */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubectlLab, startLab } from './harness.ts';

let lab: KubectlLab;

/** The body of a plain request. */
function read(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    asked.once('error', reject);
    asked.end();
  });
}

describe.skipIf(missing('kubectl'))('kubectl', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    lab = await startLab();
  });
  afterAll(async () => {
    await lab?.stop();
  });

  it('runs plug-ins, which ask the server in its name', async () => {
    const folder = join(lab.dir, 'plugins');
    await mkdir(folder);
    const script = '#!/bin/sh\necho "plugged $1"\nexec kubectl create configmap "$1" --from-literal=by=plugin\n';
    await writeFile(join(folder, 'kubectl-plug_in'), script, { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env.PATH ?? ''}` };
    expect((await lab.kubectl(['plugin', 'list'], { env })).stdout).toContain(join(folder, 'kubectl-plug_in'));
    expect(await lab.kubectl(['plug-in', 'made'], { env })).toMatchObject({
      code: 0,
      stdout: 'plugged made\nconfigmap/made created\n',
    });
    expect(await lab.ok(['get', 'cm', 'made', '-o', 'jsonpath={.data.by}'])).toBe('plugin');
  });

  it('is a proxy for programs that know no certificates', async () => {
    const config = await lab.kubeconfigFor(lab.server.adminKeys);
    const child = spawn('kubectl', ['proxy', '--port=0'], {
      env: { ...process.env, KUBECONFIG: config, HOME: lab.dir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      const port = await new Promise<number>((resolve, reject) => {
        let output = '';
        child.stdout.on('data', (chunk: Buffer) => {
          output += String(chunk);
          const match = /127\.0\.0\.1:(\d+)/.exec(output);
          if (match) resolve(Number(match[1]));
        });
        child.once('close', () => reject(new Error(`kubectl proxy ended: ${output}`)));
      });
      expect(JSON.parse(await read(port, '/version'))).toMatchObject({ major: '1' });
      expect(JSON.parse(await read(port, '/api/v1/namespaces/default'))).toMatchObject({ kind: 'Namespace' });
      await lab.ok(['create', 'cm', 'proxied']);
      const events = await read(
        port,
        '/api/v1/configmaps?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dproxied',
      );
      expect(events).toContain('"type":"ADDED"');
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  });

  it('watches workloads as they change', async () => {
    await lab.ok(['create', 'deployment', 'watched', '--image=x']);
    const output = await lab.until(
      ['get', 'deployments', '-w'],
      (text) => /watched +0\/3 /.test(text),
      () => lab.ok(['scale', 'deployment', 'watched', '--replicas=3']),
    );
    expect(output).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nwatched +0\/1 /);
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'watched.1', namespace: 'default' },
      involvedObject: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'watched', namespace: 'default' },
      reason: 'Scaled',
      message: 'somebody scaled it',
      type: 'Warning',
      lastTimestamp: '2026-01-01T00:00:00Z',
    };
    await lab.ok(['create', '-f', '-'], JSON.stringify(event));
    const again = { ...event, metadata: { ...event.metadata, name: 'watched.2' }, message: 'and once more' };
    const seen = await lab.until(
      ['events', '--watch', '--for=deployment/watched'],
      (text) => text.includes('and once more'),
      () => lab.ok(['create', '-f', '-'], JSON.stringify(again)),
    );
    expect(seen).toContain('somebody scaled it');
    expect(await lab.ok(['events', '--types=Warning'])).toContain('Deployment/watched');
  });

  it('acts as somebody else where that is allowed', async () => {
    await lab.ok(['create', 'clusterrole', 'watcher', '--verb=list', '--resource=pods']);
    await lab.ok(['create', 'clusterrolebinding', 'watcher', '--clusterrole=watcher', '--user=ann', '--group=guests']);
    expect(await lab.ok(['auth', 'can-i', 'list', 'pods', '--as=ann'])).toBe('yes\n');
    expect((await lab.kubectl(['auth', 'can-i', 'get', 'secrets', '--as=ann'])).stdout).toBe('no\n');
    expect(await lab.ok(['auth', 'can-i', 'list', 'pods', '--as=bob', '--as-group=guests'])).toBe('yes\n');
    expect(await lab.ok(['auth', 'whoami', '--as=ann', '-o', 'jsonpath={.status.userInfo.username}'])).toBe('ann');
    expect(await lab.ok(['auth', 'can-i', '--list', '--as=ann'])).toMatch(/^pods +\[\] +\[\] +\[list\]$/m);
    const ann = { KUBECONFIG: await lab.kubeconfigFor(await lab.server.issue('ann', [])) };
    const refused = await lab.kubectl(['get', 'pods', '--as=root', '--as-group=system:masters'], { env: ann });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('User "ann" cannot impersonate resource "users"');
    // One may not become powerful by a group alone.
    await lab.ok(['create', 'clusterrole', 'actor', '--verb=impersonate', '--resource=users']);
    await lab.ok(['create', 'clusterrolebinding', 'actor', '--clusterrole=actor', '--user=ann']);
    const group = await lab.kubectl(['get', 'secrets', '--as=bob', '--as-group=system:masters'], { env: ann });
    expect(group.stderr).toContain('cannot impersonate resource "groups"');
    expect((await lab.kubectl(['get', 'secrets', '--as=bob'], { env: ann })).stderr).toContain(
      'User "bob" cannot list',
    );
  });
});
