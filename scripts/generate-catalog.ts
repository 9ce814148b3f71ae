/**
 * Writes `deploy/catalog/postgresql-<major>-mycnf-template.yaml` for each major whose server is here.
 * Run: `npm ci --prefix tests/majors && npx tsx scripts/generate-catalog.ts`.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findServer, majors, openServer, readSettings } from './catalog/pg-settings.ts';
import { templateManifest } from './catalog/template.ts';

const folder = fileURLToPath(new URL('../deploy/catalog/', import.meta.url));

for (const major of majors) {
  const bin = findServer(major);
  if (bin === undefined) {
    console.log(`PostgreSQL ${major}: no server here, its template stays as it is`);
    continue;
  }
  const server = openServer(bin);
  const settings = readSettings(server);
  server.close();
  writeFileSync(`${folder}postgresql-${major}-mycnf-template.yaml`, templateManifest(major, settings));
  console.log(`PostgreSQL ${major}: ${settings.length} parameters of ${bin}`);
}
