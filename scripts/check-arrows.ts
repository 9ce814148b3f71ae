/**
 * Checks that dependencies point one way: every workspace may use just the workspaces below, in its package.json and
 * in its imports. The table is the design; a change of it is a decision.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const allowed: Readonly<Record<string, readonly string[]>> = {
  base: [],
  api: ['base'],
  pki: ['base'],
  workflow: ['base'],
  kube: ['base', 'api'],
  engine: ['base'],
  contracts: ['base', 'api'],
  ha: ['base', 'contracts'],
  domain: ['base', 'api', 'workflow', 'contracts'],
  'kube-server': ['base', 'api'],
  'node-runtime': ['base', 'api', 'kube'],
  // Imported by tests only.
  testkit: ['base', 'api', 'kube', 'kube-server', 'contracts', 'pki'],
  agent: ['base', 'contracts', 'engine'],
  operator: ['base', 'api', 'contracts', 'domain', 'kube', 'pki', 'workflow', 'ha'],
  'cluster-manager': ['base', 'api', 'contracts', 'ha', 'kube'],
  // The one that puts the others together.
  local: ['base', 'api', 'contracts', 'kube', 'kube-server', 'node-runtime', 'operator', 'pki'],
  cli: ['base', 'api', 'contracts', 'domain', 'ha', 'kube', 'local'],
};

/** What tests may use beside that. */
const testsMay: ReadonlySet<string> = new Set(['testkit', 'pki']);

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const problems: string[] = [];

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (/\.ts$/.test(entry.name)) yield path;
  }
}

/** Workspaces that a source file names, and paths that leave its own workspace. */
function importsOf(file: string, workspace: string): { readonly names: readonly string[]; readonly escapes: boolean } {
  const specifiers = [...readFileSync(file, 'utf8').matchAll(/(?:from|import|import\()\s*'([^']+)'/g)].map(
    ([, specifier = '']) => specifier,
  );
  return {
    names: specifiers.flatMap((specifier) => /^@polarstack\/([a-z-]+)/.exec(specifier)?.[1] ?? []),
    escapes: specifiers.some(
      (specifier) => specifier.startsWith('.') && !join(dirname(file), specifier).startsWith(`${workspace}/`),
    ),
  };
}

function checkWorkspace(folder: string, name: string): void {
  const may = allowed[name];
  const where = folder.slice(root.length + 1);
  if (may === undefined) {
    problems.push(`${where}: not in the table of scripts/check-arrows.ts`);
    return;
  }
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  const declared = Object.keys(manifest.dependencies ?? {}).flatMap((one) => /^@polarstack\/(.+)/.exec(one)?.[1] ?? []);
  for (const one of declared) if (!may.includes(one)) problems.push(`${where}/package.json: may not depend on ${one}`);
  const source = join(folder, 'src');
  if (!existsSync(source)) return;
  for (const file of filesBelow(source)) {
    const isTest = file.endsWith('.test.ts') || file.includes('/testing/');
    const { names, escapes } = importsOf(file, folder);
    const path = file.slice(root.length + 1);
    for (const one of new Set(names)) {
      if (one === name || (isTest && testsMay.has(one))) continue;
      if (!may.includes(one)) problems.push(`${path}: may not import ${one}`);
      else if (!declared.includes(one) && !isTest)
        problems.push(`${path}: imports ${one}, which its package.json lacks`);
    }
    if (escapes && !isTest) problems.push(`${path}: imports a file of another workspace by its path`);
  }
}

for (const parent of ['packages', 'apps']) {
  for (const name of readdirSync(join(root, parent))) {
    const folder = join(root, parent, name);
    if (existsSync(join(folder, 'package.json'))) checkWorkspace(folder, name);
  }
}

for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exit(problems.length > 0 ? 1 : 0);
