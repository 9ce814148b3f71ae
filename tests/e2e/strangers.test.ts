/** Another user of the machine gets nothing: not the files, not the API, not the agents, not the databases. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestHome, missing, type RunResult, run, type TestHome } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** `nobody` on every Linux. */
const STRANGER = '65534';

describe.skipIf(missing('root') || missing('postgres') || missing('kubectl'))('another user of the machine', () => {
  let home: TestHome;
  let api: string;

  /** Runs a program as the stranger, without any of our environment. */
  const asStranger = (program: string, args: readonly string[]): Promise<RunResult> =>
    run('setpriv', [
      '--reuid',
      STRANGER,
      '--regid',
      STRANGER,
      '--clear-groups',
      'env',
      '-i',
      `PATH=${process.env.PATH}`,
      program,
      ...args,
    ]);
  /** GET without a certificate; prints the status code, or the code of the error. */
  const get = (url: string): Promise<RunResult> =>
    asStranger(process.execPath, [
      '-e',
      `require('https').get(process.argv[1], { rejectUnauthorized: false, agent: false }, (r) => console.log(r.statusCode)).on('error', (e) => console.log(e.code))`,
      url,
    ]);

  beforeAll(async () => {
    home = createTestHome();
    await home.polarstackOk(['up'], { timeoutMs: 300_000 });
    api = (JSON.parse(readFileSync(join(home.dir, 'control.json'), 'utf8')) as { url: string }).url;
  }, 400_000);
  afterAll(async () => {
    await home.remove();
  }, 200_000);

  test('can read no file but what says where the home is, and write none', async () => {
    const find = async (access: string): Promise<string[]> =>
      (await asStranger('find', [home.dir, '-type', 'f', access])).stdout
        .split('\n')
        .map((path) => path.slice(home.dir.length + 1))
        .filter((path) => path !== '' && !path.startsWith('versions/')); // programs, no secrets
    expect((await find('-readable')).sort()).toEqual([
      'ca/default.demo.crt', // the authority's public certificate, for clients
      'control.json',
      'home.json',
      'proxy.json',
    ]);
    expect((await asStranger('find', [home.dir, '-writable', '!', '-type', 'l'])).stdout).toBe('');
    const { code, stderr } = await asStranger('kubectl', ['--kubeconfig', home.kubeconfig, 'get', 'pods']);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/permission denied/i);
  });

  test('is unauthorized at the API, whatever the path', async () => {
    for (const path of ['/api/v1/secrets', '/api/v1/namespaces/default/pods', '/apis', '/openapi/v3', '/metrics']) {
      expect((await get(`${api}${path}`)).stdout.trim(), path).toBe('401');
    }
    const [pod] = (await home.cluster('demo')).instances;
    const exec = `${api}/api/v1/namespaces/default/pods/${pod?.name}/exec?command=id&stdout=true`;
    expect((await get(exec)).stdout.trim()).toBe('401');
  });

  test("is refused by the agents, beside their probes' paths", async () => {
    for (const { host } of (await home.cluster('demo')).instances) {
      expect((await get(`https://${host}:7443/readyz`)).stdout.trim()).toBe('200');
      expect((await get(`https://${host}:7443/v1/status`)).stdout.trim()).toBe('401');
    }
  });

  test('cannot connect to a database, neither by the network without a password nor by the socket', async () => {
    const { endpoints, instances } = await home.cluster('demo');
    const psql = (host: string, user: string): Promise<RunResult> =>
      asStranger('psql', [
        '-w',
        '-h',
        host,
        '-p',
        String(endpoints.rw.port),
        '-U',
        user,
        '-d',
        'postgres',
        '-c',
        'select 1',
      ]);
    for (const host of [endpoints.rw.host, ...instances.map((instance) => instance.host)]) {
      for (const user of ['postgres', 'app', 'aurora', 'replicator']) {
        expect((await psql(host, user)).code, `${user} at ${host}`).not.toBe(0);
      }
    }
    const sockets = readdirSync('/tmp')
      .filter((entry) => entry.startsWith('polarstack-'))
      .map((entry) => join('/tmp', entry));
    for (const folder of sockets) {
      const listed = await asStranger('find', [folder, '-name', '.s.PGSQL.*']);
      expect(listed.stdout).toBe('');
    }
  });
});
