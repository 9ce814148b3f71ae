/** Passwords differ per cluster and are in no log, argument, environment or ConfigMap, plain or base64. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { clusterManifest, createTestHome, missing, type TestHome } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

interface SecretList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly data?: Readonly<Record<string, string>>;
  }[];
}

const logEverything = { log_statement: 'all', log_min_duration_statement: '0', log_connections: 'on' };

function* files(dir: string): Generator<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.isFile()) yield path;
  }
}

describe.skipIf(missing('postgres') || missing('kubectl'))('secrets of two clusters', () => {
  let home: TestHome;
  let passwords: readonly string[];

  beforeAll(async () => {
    home = createTestHome();
    await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
    for (const name of ['one', 'two'])
      await home.kubectlOk(['apply', '-f', '-'], { input: clusterManifest(name, { parameters: logEverything }) });
    await home.kubectlOk(['wait', '--for=condition=Ready', 'mpd/one', 'mpd/two', '--timeout=240s']);
    for (const name of ['one', 'two']) await home.polarstackOk(['psql', name, '-c', 'create table t(i int)']);
    const { items } = JSON.parse(await home.kubectlOk(['get', 'secrets', '-o', 'json'])) as SecretList;
    passwords = items
      .flatMap(({ data }) => [data?.password, data?.Password])
      .filter((value) => value !== undefined)
      .map((value) => Buffer.from(value, 'base64').toString());
  }, 600_000);
  afterAll(async () => {
    await home.remove();
  }, 200_000);

  test('every password is its own', () => {
    expect(passwords.length).toBeGreaterThanOrEqual(6); // aurora, replicator and app of each
    expect(new Set(passwords).size).toBe(passwords.length);
    for (const password of passwords) expect(password.length).toBeGreaterThanOrEqual(15);
  });

  test('none is in a log, an argument, an environment or a ConfigMap', async () => {
    const forms = passwords.flatMap((password) => [
      password,
      Buffer.from(password).toString('base64').replace(/=+$/, ''),
    ]);
    const found: string[] = [];
    const look = (where: string, text: string): void => {
      if (forms.some((form) => text.includes(form))) found.push(where);
    };
    let logs = 0;
    let statements = 0;
    for (const path of files(home.dir)) {
      if (!/\.(log|json)$/.test(path) || path.includes('/pki/') || path.includes('/api/') || path.includes('/root/'))
        continue;
      if (statSync(path).size > 64 * 2 ** 20) continue;
      const text = readFileSync(path, 'latin1');
      if (path.endsWith('.log')) logs++;
      if (text.includes('statement:')) statements++;
      look(path, text);
    }
    expect(logs).toBeGreaterThan(2);
    expect(statements).toBeGreaterThan(0); // the engines did log what they ran
    for (const { pid } of home.processes()) {
      try {
        look(`arguments of ${pid}`, readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
        look(`environment of ${pid}`, readFileSync(`/proc/${pid}/environ`, 'latin1'));
      } catch {
        // it ended while we looked
      }
    }
    look('ConfigMaps', await home.kubectlOk(['get', 'configmaps', '-A', '-o', 'json']));
    look('events', await home.kubectlOk(['get', 'events', '-A', '-o', 'json']));
    look('operations', await home.kubectlOk(['get', 'mpdop,mpd', '-A', '-o', 'json']));
    look('pods', await home.kubectlOk(['get', 'pods', '-A', '-o', 'json']));
    expect(found).toEqual([]);
  });
});
