/**
 * Makes the programs of other clients ready to run. Each is kept in a cache by its content, so that only a change of it
 * costs time.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { config, missing, type Part, run } from '@polarstack/testkit';

/** The command that runs the client, or why there is none. */
export type Prepared =
  | { readonly kind: 'ready'; readonly command: readonly [string, ...string[]] }
  | { readonly kind: 'missing' };

/** Long, because the first time each package of the Go client is compiled, on whatever else the machine does. */
const BUILD_MS = 20 * 60_000;

const here = import.meta.dirname;

/** `race` is the one with the race detector of Go, which needs a C compiler. */
export async function prepareGo(): Promise<Prepared> {
  if (missing('go')) return { kind: 'missing' };
  const source = join(here, 'go');
  const options = { cwd: source, env: { GOTOOLCHAIN: 'local', CGO_ENABLED: '0' }, timeoutMs: BUILD_MS };
  const version = (await run('go', ['version'], options)).stdout;
  const files = (await readdir(source))
    .filter((name) => /\.(go|mod|sum)$/.test(name))
    .map((name) => join(source, name));
  return await cached('go', version, files, async (folder) => {
    const fetched = await run('go', ['mod', 'download'], options);
    if (fetched.code !== 0) return `the modules of the Go client cannot be had: ${fetched.stderr}`;
    const built = await run('nice', ['go', 'build', '-trimpath', '-o', join(folder, 'clients'), '.'], options);
    if (built.code !== 0) throw new Error(`the program of the Go client does not compile:\n${built.stderr}`);
    return undefined;
  }).then((made) => ready(made, 'go', (folder) => [join(folder, 'clients')]));
}

export async function preparePython(): Promise<Prepared> {
  if (missing('python')) return { kind: 'missing' };
  const source = join(here, 'python');
  const version = (await run('python3', ['--version'])).stdout;
  const requirements = join(source, 'requirements.txt');
  return await cached('python', version, [requirements], async (folder) => {
    const options = { timeoutMs: BUILD_MS };
    const made = await run('python3', ['-m', 'venv', '--copies', folder], options);
    if (made.code !== 0) throw new Error(`no virtual environment of Python can be made:\n${made.stdout}${made.stderr}`);
    const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary=:all:', '--no-deps', '-r', requirements];
    const installed = await run(join(folder, 'bin/python'), pip, options);
    return installed.code === 0 ? undefined : `the packages of the Python client cannot be had: ${installed.stderr}`;
  }).then((made) => ready(made, 'python', (folder) => [join(folder, 'bin/python'), join(source, 'scenario.py')]));
}

type Made = { readonly folder: string } | { readonly why: string };

function ready(made: Made, part: Part, command: (folder: string) => readonly [string, ...string[]]): Prepared {
  if ('folder' in made) return { kind: 'ready', command: command(made.folder) };
  if (config.required.includes(part)) throw new Error(made.why);
  process.stderr.write(`skipped: ${made.why}\n`);
  return { kind: 'missing' };
}

/** A folder that `fill` filled for this content; `fill` answers why it cannot, where that is no fault of the content. */
async function cached(
  name: string,
  version: string,
  files: readonly string[],
  fill: (folder: string) => Promise<string | undefined>,
): Promise<Made> {
  const hash = createHash('sha256').update(version);
  for (const file of files.toSorted()) hash.update(`${file}\0`).update(await readFile(file));
  const parent = join(config.clientCache, name);
  const folder = join(parent, hash.digest('hex').slice(0, 16));
  if (await exists(folder)) return { folder };
  await mkdir(parent, { recursive: true });
  const draft = await mkdtemp(join(parent, 'draft-'));
  try {
    const why = await fill(draft);
    if (why !== undefined) return { why };
    await rename(draft, folder);
    return { folder };
  } catch (error) {
    // Another run was faster.
    if (await exists(folder)) return { folder };
    throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
