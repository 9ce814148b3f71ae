import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const path = (file: string): string => fileURLToPath(new URL(`../../../${file}`, import.meta.url));
const example = 'packages/workflow/examples/trip.ts';

test('the example of the guide is the file, and prints what the guide says', () => {
  const guide = readFileSync(path('docs/guides/workflows.md'), 'utf8');
  const block = (language: string): string =>
    new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(guide)?.[1] ?? `no ${language} block`;
  expect(block('ts')).toBe(readFileSync(path(example), 'utf8'));
  const { stdout, stderr, status } = spawnSync(path('node_modules/.bin/tsx'), [path(example)], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(status, stderr).toBe(0);
  expect(stdout).toBe(block('text'));
}, 90_000);
