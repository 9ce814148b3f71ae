import { readFile } from 'node:fs/promises';
import { StackError } from '@polarstack/base';
import type { Command } from 'commander';
import { findTarget } from '../connect/connect.ts';
import { addGlobals, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { write } from '../output/screen.ts';

export function registerKubeconfig(program: Command, io: Io): void {
  const command = program
    .command('kubeconfig')
    .description('print the kubeconfig that commands use (that of the local home), for kubectl and other programs')
    .option('--path', 'print where it lies instead')
    .addHelpText('after', '\nExample: export KUBECONFIG=$(polarstack kubeconfig --path)\n');
  addGlobals(command, 'home', 'kubeconfig').action(async (flags: { readonly path?: boolean }) => {
    const { kubeconfig } = await findTarget(globalsOf(command));
    if (flags.path === true) {
      await write(io, `${kubeconfig}\n`);
      return;
    }
    try {
      await write(io, await readFile(kubeconfig, 'utf8'));
    } catch (cause) {
      throw new StackError('KubeconfigInvalid', `cannot read ${kubeconfig}: ${(cause as Error).message}`, { cause });
    }
  });
}
