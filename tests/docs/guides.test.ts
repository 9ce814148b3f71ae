/** Every `sh test` block of the guides runs as written, in order, in one shell a guide. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createTestHome, missing, polarstackProgram, run, type TestHome } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const guides = resolve(import.meta.dirname, '../../docs/guides');

function samples(file: string): string {
  const blocks = readFileSync(join(guides, file), 'utf8').matchAll(/^```sh test\n(.*?)^```$/gms);
  return [...blocks].map(([, block]) => block).join('\n');
}

describe.skipIf(missing('postgres') || missing('kubectl'))('guides', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = createTestHome();
    await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
  }, 400_000);
  afterAll(async () => {
    await home.remove();
  }, 200_000);

  test.each(readdirSync(guides).filter((file) => samples(file) !== ''))('%s', { timeout: 400_000 }, async (file) => {
    const folder = mkdtempSync(join(tmpdir(), 'polarstack-guide-'));
    try {
      const { code, stdout, stderr } = await run('bash', ['-euo', 'pipefail', '-c', samples(file)], {
        cwd: folder,
        env: {
          POLARSTACK_HOME: home.dir,
          KUBECONFIG: home.kubeconfig,
          PATH: `${dirname(polarstackProgram)}:${process.env.PATH}`,
          NO_COLOR: '1',
        },
        timeoutMs: 380_000,
      });
      expect(code, `${stdout}\n${stderr}`).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
