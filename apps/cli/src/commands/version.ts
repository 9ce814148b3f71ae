import { isStackError } from '@polarstack/base';
import type { Command } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, type Globals, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { write } from '../output/screen.ts';

interface Versions {
  readonly polarstack: string;
  readonly build: string;
  readonly node: string;
  /** Version of the Kubernetes API; null where no server answers. */
  readonly server: string | null;
}

export function registerVersion(program: Command, io: Io): void {
  const command = program.command('version').description('print the versions of this program and of the server');
  addGlobals(command, ...connectionOptions, 'output').action(async () => {
    const globals = globalsOf(command);
    const format = outputFormat(globals.output, ['json', 'yaml']);
    const { ownBuildId } = await import('@polarstack/local');
    const versions: Versions = {
      polarstack: manifest.version,
      build: ownBuildId,
      node: process.version,
      server: await serverVersion(globals),
    };
    if (format === 'json' || format === 'yaml') await write(io, await renderValue(format, versions));
    else {
      await write(io, `polarstack ${versions.polarstack} (build ${versions.build}, Node.js ${versions.node})\n`);
      await write(io, `server     ${versions.server ?? 'none is running'}\n`);
    }
  });
}

/** A server that is away is no failure here; a kubeconfig that is wrong is. */
async function serverVersion(globals: Globals): Promise<string | null> {
  try {
    return await withConnection(globals, async ({ client }) => {
      const { gitVersion } = JSON.parse(await client.raw('/version')) as { readonly gitVersion?: string };
      return `Kubernetes API ${gitVersion ?? 'of an unknown version'}`;
    });
  } catch (error) {
    if (isStackError(error, 'HomeMissing') || isStackError(error, 'ApiUnreachable')) return null;
    throw error;
  }
}
