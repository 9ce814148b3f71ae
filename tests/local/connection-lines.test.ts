/** The lines that `up` prints for psql: they work as they are, and give the password to nobody but the database. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createTestHome, missing, run } from '@polarstack/testkit';
import { describe, expect, test } from 'vitest';

const skip = missing('postgres') || missing('kubectl');

describe.skipIf(skip)('the lines that up prints', () => {
  test('verify the server by the authority of the cluster', async () => {
    const home = createTestHome();
    try {
      const shown = await home.polarstackOk(['up']);
      const authority = join(home.dir, 'ca', 'default.demo.crt');
      expect(statSync(authority).mode & 0o777).toBe(0o644);
      const lines = [...shown.matchAll(/psql "(host=[^"]+)"/g)].map(([, line = '']) => line);
      expect(lines).toHaveLength(2);
      const encoded = await home.kubectlOk(['get', 'secret', 'demo-app', '-o', 'jsonpath={.data.password}']);
      const env = { PGPASSWORD: Buffer.from(encoded, 'base64').toString() };
      for (const line of lines) {
        expect(line).toContain(`sslmode=verify-full sslrootcert=${authority}`);
        const answer = await run('psql', [line, '-Atc', 'select current_user'], { env });
        expect(answer.stderr).toBe('');
        expect(answer.stdout.trim()).toBe('app');
        // Another authority's server, as a stranger's at the address would be, is not spoken to.
        const api = line.replace(authority, join(home.dir, 'pki', 'ca.crt'));
        expect((await run('psql', [api, '-Atc', 'select 1'], { env })).stderr).toContain('certificate verify failed');
      }
    } finally {
      await home.remove();
    }
  });
});
