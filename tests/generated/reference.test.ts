import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { referencePages } from '../../scripts/generate-reference.ts';

it.each([...referencePages])(
  'docs/reference/%s is current; `npx tsx scripts/generate-reference.ts` writes it',
  (name, content) => {
    const committed = readFileSync(fileURLToPath(new URL(`../../docs/reference/${name}`, import.meta.url)), 'utf8');
    expect(committed).toBe(content());
  },
);
