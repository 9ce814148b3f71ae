#!/usr/bin/env node
/**
 * Bundles each process into one file: dist/{control,agent,cluster-manager,proxy,cli}.mjs, beside a copy of the manifests they apply.
 *
 * The build id is a hash of everything that goes in, so building twice from the same sources is a no-op and a home can
 * tell whether it runs this code. Only the bundles that `up` always replaces together (cli, control) carry the id;
 * the others keep their bytes, and so their running processes, when only foreign sources changed.
 */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stamp = join(dist, 'build.json');

const bundles = {
  cli: 'apps/cli/src/main.ts',
  control: 'apps/local/src/control/main.ts',
  proxy: 'apps/local/src/proxy/main.ts',
  agent: 'apps/agent/src/main.ts',
  'cluster-manager': 'apps/cluster-manager/src/main.ts',
};

/** Every file that can change what is built, in a stable order. */
function* sources() {
  for (const workspace of ['packages', 'apps']) {
    for (const name of readdirSync(join(root, workspace)).sort()) {
      const folder = `${workspace}/${name}`;
      if (existsSync(join(root, folder, 'package.json'))) yield `${folder}/package.json`;
      if (existsSync(join(root, folder, 'src'))) yield* below(`${folder}/src`);
    }
  }
  for (const folder of ['deploy/crds', 'deploy/catalog', 'deploy/policies', 'deploy/rbac', 'examples'])
    yield* below(folder);
  yield* ['package.json', 'package-lock.json', 'scripts/build.mjs'];
}

function* below(folder) {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* below(path);
    else if (!entry.name.endsWith('.test.ts')) yield path;
  }
}

function hashOfSources() {
  const hash = createHash('sha256');
  for (const path of sources())
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  return hash.digest('hex').slice(0, 12);
}

const banner = `import { createRequire as __makeRequire } from 'node:module';
import { fileURLToPath as __toPath } from 'node:url';
const require = __makeRequire(import.meta.url);
const __filename = __toPath(import.meta.url);
const __dirname = __toPath(new URL('.', import.meta.url));`;

async function bundle(name, entry, build, folder) {
  const { build: esbuild } = await import('esbuild');
  const outfile = join(folder, `${name}.mjs`);
  const carriesBuild = name === 'cli' || name === 'control';
  await esbuild({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    loader: { '.yaml': 'text', '.sql': 'text', '.sh': 'text' },
    external: ['pg-native'],
    define: { __POLARSTACK_BUILD__: JSON.stringify(carriesBuild ? build : 'bundle') },
    banner: { js: banner },
    logLevel: 'warning',
  });
  return createHash('sha256').update(readFileSync(outfile)).digest('hex').slice(0, 12);
}

/** What control applies at each start becomes JSON, a list of objects a file; what users read stays as it is. */
async function placeManifests(folder) {
  const { parseAllDocuments } = await import('yaml');
  for (const kind of ['crds', 'catalog', 'policies', 'rbac']) {
    mkdirSync(join(folder, kind), { recursive: true });
    for (const name of readdirSync(join(root, 'deploy', kind)).filter((file) => file.endsWith('.yaml'))) {
      const documents = parseAllDocuments(readFileSync(join(root, 'deploy', kind, name), 'utf8'));
      const broken = documents.find(({ errors }) => errors.length > 0);
      if (broken) throw new Error(`deploy/${kind}/${name}: ${broken.errors[0].message}`);
      const objects = documents.map((document) => document.toJS()).filter((object) => object !== null);
      writeFileSync(join(folder, kind, name.replace(/yaml$/, 'json')), JSON.stringify(objects));
    }
  }
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
}

const build = hashOfSources();
const before = existsSync(stamp) ? JSON.parse(readFileSync(stamp, 'utf8')) : {};
if (before.build === build) {
  const now = new Date();
  utimesSync(stamp, now, now);
} else {
  const started = performance.now();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  mkdirSync(dist, { recursive: true });
  const work = join(dist, `.build-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  const names = Object.keys(bundles);
  const hashes = await Promise.all(names.map((name) => bundle(name, bundles[name], build, work)));
  const record = { build, version, bundles: Object.fromEntries(names.map((name, i) => [name, hashes[i]])) };
  for (const name of names) renameSync(join(work, `${name}.mjs`), join(dist, `${name}.mjs`));
  await placeManifests(join(work, 'manifests'));
  rmSync(join(dist, 'manifests'), { recursive: true, force: true });
  renameSync(join(work, 'manifests'), join(dist, 'manifests'));
  writeFileSync(join(work, 'build.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  renameSync(join(work, 'build.json'), stamp);
  rmSync(work, { recursive: true });
  process.stderr.write(`built ${build} in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}
