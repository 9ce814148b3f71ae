/** Writes `deploy/crds/*.yaml` from the schemas of `packages/api`. Run: `npx tsx scripts/generate-crds.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildCrds } from '@polarstack/api';
import { stringify } from 'yaml';

const header = '# Generated from packages/api by scripts/generate-crds.ts; change it there.\n';

/** File name to content of every CRD. */
export function crdFiles(): ReadonlyMap<string, string> {
  return new Map(
    buildCrds().map((crd) => [
      `${crd.spec.group}_${crd.spec.names.plural}.yaml`,
      header + stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false }),
    ]),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL('../deploy/crds/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of crdFiles()) writeFileSync(`${folder}${name}`, content);
}
