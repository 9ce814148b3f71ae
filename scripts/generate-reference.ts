/** Writes the generated pages of `docs/reference`. Run: `npx tsx scripts/generate-reference.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openApi } from '../apps/operator/src/rest/openapi.ts';
import { errorsPage } from './reference/errors.ts';
import { kindPage } from './reference/kinds.ts';
import { kubernetesDifferencesPage } from './reference/kubernetes-differences.ts';
import { parametersPage } from './reference/parameters.ts';

/** File name to the function that gives its content. */
export const referencePages: ReadonlyMap<string, () => string> = new Map([
  ['errors.md', errorsPage],
  ['kubernetes-differences.md', kubernetesDifferencesPage],
  ['mpdcluster.md', () => kindPage('MPDCluster')],
  ['mpdoperation.md', () => kindPage('MPDOperation')],
  ['parameters.md', parametersPage],
  ['rest-api.openapi.json', () => `${JSON.stringify(openApi(), undefined, 2)}\n`],
]);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL('../docs/reference/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of referencePages) writeFileSync(`${folder}${name}`, content());
}
