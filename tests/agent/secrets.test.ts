/** Passwords never get where they could be read: with everything logged that the engine can log. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@polarstack/base';
import pg from 'pg';
import { afterAll, expect } from 'vitest';
import {
  bootstrapPrimary,
  createTestCluster,
  HOST,
  initdbRequest,
  PASSWORD,
  scramVerifier,
  signal,
  test,
} from './harness.ts';

const cluster = await createTestCluster();
afterAll(async () => await cluster.close());

/** Text files below a folder: logs, configuration, the agent's own files; not the engine's tables and WAL. */
function* textFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !['base', 'global', 'pg_wal', 'replicator', 'tls'].includes(entry.name))
      yield* textFiles(path);
    else if (entry.isFile()) yield path;
  }
}

test('no password and no verifier in any log, file, argument or view, even when the engine logs all it can', async () => {
  const pod = await cluster.pod('1');
  const verifier = scramVerifier(PASSWORD);
  const request = initdbRequest([], {
    log_statement: 'all',
    log_min_duration_statement: '0',
    log_min_error_statement: 'debug5',
    log_min_messages: 'debug2',
    log_connections: 'on',
    shared_preload_libraries: 'pg_stat_statements',
    'pg_stat_statements.track': 'all',
  });
  await bootstrapPrimary(pod, request);
  await pod.client.setRoles([{ name: 'app', verifier }]);
  const second = scramVerifier(`${PASSWORD} 2`);
  await pod.client.setRoles([{ name: 'app', verifier: second }]);
  // A statement that fails is logged with its text, were it not for the session's settings.
  await expect(pod.client.setDatabases([{ name: 'other', owner: 'nobody' }])).rejects.toMatchObject({
    code: 'EngineQueryFailed',
  });
  await expect(pod.client.setRoles([{ name: 'x'.repeat(64), verifier }])).rejects.toThrow();

  const client = new pg.Client({
    host: HOST,
    port: pod.enginePort,
    user: 'app',
    password: `${PASSWORD} 2`,
    database: 'app',
    ssl: { rejectUnauthorized: false },
  });
  await client.connect();
  await client.query("select 'seen in the log'");
  await client.end();
  await waitFor('the log', async () => (pod.output().includes('seen in the log') ? true : undefined), {
    signal,
    timeoutMs: 10_000,
  });

  const args = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'latin1') + readFileSync(`/proc/${name}/environ`, 'latin1');
      } catch {
        return '';
      }
    });
  const places: readonly (readonly [string, string])[] = [
    ['the output of agent and engine', pod.output()],
    ['arguments and environments', args.join('\n')],
    ...[...textFiles(pod.rootDir)].map((path) => [path, readFileSync(path, 'latin1')] as const),
  ];
  expect(places.length).toBeGreaterThan(10);
  // The engine does log what others run: the test would see it.
  expect(pod.output()).toContain("statement: select 'seen in the log'");
  for (const secret of [PASSWORD, verifier, second]) {
    for (const form of [secret, Buffer.from(secret).toString('base64')]) {
      for (const [where, text] of places) expect(text.includes(form), `${form} is in ${where}`).toBe(false);
    }
  }
});
