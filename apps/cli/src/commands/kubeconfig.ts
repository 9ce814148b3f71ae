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
    const paths = typeof kubeconfig === 'string' ? [kubeconfig] : kubeconfig;
    if (flags.path === true) {
      await write(io, `${paths.join(':')}\n`);
      return;
    }
    const [path = ''] = paths;
    if (paths.length > 1) {
      throw new StackError('KubeconfigInvalid', `KUBECONFIG names several files: ${paths.join(', ')}`, {
        remedy: 'Print where they lie with --path, or what they say together with `kubectl config view --flatten`.',
      });
    }
    try {
      await write(io, await readFile(path, 'utf8'));
    } catch (cause) {
      throw new StackError('KubeconfigInvalid', `cannot read ${path}: ${(cause as Error).message}`, { cause });
    }
  });
}
