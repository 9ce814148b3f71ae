import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** Bundles a program into one file of `folder`; answers its path. */
export async function bundle(app: 'agent' | 'operator', folder: string): Promise<string> {
  const outfile = join(folder, `${app}.mjs`);
  await build({
    entryPoints: [join(root, `apps/${app}/src/main.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: ['pg-native'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}
