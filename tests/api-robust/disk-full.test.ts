/** The disk under the server fills up: on a small file system of its own, so as root alone. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger, waitFor } from '@polarstack/base';
import { inspect, openObjectStore } from '@polarstack/kube-server';
import { missing } from '@polarstack/testkit';
import { expect, it } from 'vitest';
import { createBench } from './child.ts';
import { createClient } from './http-client.ts';
import { watchLines } from './watch-lines.ts';

const path = '/api/v1/namespaces/default/configmaps';
const signal = new AbortController().signal;

/** Takes all the room there is. */
function fill(file: string): void {
  const fd = openSync(file, 'a');
  try {
    for (const size of [1024 * 1024, 4096, 1]) {
      try {
        while (writeSync(fd, Buffer.alloc(size)) === size);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(fd);
  }
}

it.skipIf(missing('root'))(
  'a full disk refuses writes with 507, reads go on, and so do writes when there is room',
  async ({ skip }) => {
    const bench = await createBench();
    const disk = join(bench.folder, 'disk');
    mkdirSync(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'none', disk], { encoding: 'utf8' });
    if (mounted.status !== 0) {
      await bench.remove();
      skip(`no tmpfs can be mounted here: ${mounted.stderr}`);
    }
    try {
      const storeDir = join(disk, 'state');
      const audit = join(disk, 'audit.log');
      const server = await bench.start({ storeDir, server: { audit: { file: audit } } });
      const admin = createClient(server.port, bench.identity);
      const heard: string[] = [];
      await watchLines(admin, server.port, `${path}?watch=true`, (line) => void heard.push(line));
      let count = 0;
      const write = () => {
        count += 1;
        return admin.call('POST', path, { metadata: { name: `c-${count}` }, data: { pad: 'x'.repeat(10_000) } });
      };
      const kept: string[] = [];
      for (let i = 0; i < 20; i++) {
        expect((await write()).code).toBe(201);
        kept.push(`c-${count}`);
      }

      const ballast = join(disk, 'ballast');
      const refused = await waitFor(
        'a write to be refused',
        async () => {
          fill(ballast); // what was still free by then
          const answer = await write();
          if (answer.code === 201) kept.push(`c-${count}`);
          return answer.code === 201 ? undefined : answer;
        },
        { signal, timeoutMs: 30_000 },
      );
      expect(refused.code).toBe(507);
      expect(JSON.parse(refused.text)).toMatchObject({
        kind: 'Status',
        status: 'Failure',
        reason: 'InsufficientStorage',
        code: 507,
      });
      expect((JSON.parse(refused.text) as { message: string }).message).toMatch(
        /disk that holds the state is full.*StateDiskFull.*Free some space/,
      );
      for (let i = 0; i < 10; i++) {
        expect((await write()).code).toBe(507);
        expect((await admin.call('DELETE', `${path}/c-1`)).code).toBe(507);
        const { code, text } = await admin.call('GET', path);
        expect(code).toBe(200);
        expect((JSON.parse(text) as { items: object[] }).items).toHaveLength(kept.length);
      }
      const { text: metrics } = await admin.call('GET', '/metrics');
      expect(Number(/^apiserver_audit_error_total\{plugin="log"\} (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
      expect(server.errors().split('the audit log cannot be written').length - 1, 'told once').toBe(1);

      rmSync(ballast);
      await waitFor(
        'a write to be taken',
        async () => {
          const { code } = await write();
          if (code === 201) kept.push(`c-${count}`);
          return code === 201 ? true : undefined;
        },
        { signal, timeoutMs: 30_000 },
      );
      await waitFor(
        'the watcher to hear of it',
        async () => (heard.some((line) => line.includes(`"${kept.at(-1)}"`)) ? true : undefined),
        {
          signal,
          timeoutMs: 30_000,
        },
      );
      admin.close();
      await server.stop();
      expect((await inspect(storeDir)).problems).toEqual([]);
      const store = await openObjectStore({ dir: storeDir, logger: silentLogger });
      const names = store
        .list('')
        .filter(({ object }) => object.kind === 'ConfigMap')
        .map(({ object }) => String(object.metadata.name));
      await store.close();
      expect(names.filter((name) => name.startsWith('c-')).toSorted()).toEqual(kept.toSorted());
      // The audit log is whole lines, on both sides of the gap.
      const lines = readFileSync(audit, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { objectRef?: { name?: string } });
      expect(lines[0]?.objectRef?.name).toBe('c-1');
      expect(lines.at(-1)?.objectRef?.name).toBe(kept.at(-1));
    } finally {
      spawnSync('umount', ['-l', disk]);
      await bench.remove();
    }
  },
);
