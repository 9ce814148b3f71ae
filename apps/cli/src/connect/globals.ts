import type { Command } from 'commander';

/** Options that every command takes, before or after its name. */
export interface Globals {
  readonly home?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly output?: string;
  readonly color?: boolean;
}

type Flag = readonly [flags: string, description: string];

const flags: Readonly<Record<keyof Globals, Flag>> = {
  home: ['--home <folder>', 'the local home (default: POLARSTACK_HOME, else .polarstack in the checkout)'],
  kubeconfig: ['--kubeconfig <file>', 'talk to the Kubernetes cluster of this file instead of the local home'],
  context: [
    '--context <name>',
    'context of the kubeconfig (default: its current-context); without a local home and KUBECONFIG, of ~/.kube/config',
  ],
  namespace: ['-n, --namespace <name>', 'namespace (default: that of the kubeconfig, else default)'],
  allNamespaces: ['-A, --all-namespaces', 'all namespaces'],
  output: ['-o, --output <format>', 'output format: json or yaml'],
  color: ['--no-color', 'no colours (they are used on a terminal only; NO_COLOR is heeded too)'],
};

export const connectionOptions = ['home', 'kubeconfig', 'context', 'namespace'] as const;

/** Adds global options to a command, so that they may follow its name. */
export function addGlobals(command: Command, ...names: readonly (keyof Globals)[]): Command {
  for (const name of names) command.option(...flags[name]);
  return command;
}

export function addAllGlobals(program: Command): Command {
  return addGlobals(program, ...(Object.keys(flags) as (keyof Globals)[]));
}

/** What was given before and after the command's name; the latter wins. */
export function globalsOf(command: Command): Globals {
  const chain: Command[] = [];
  for (let each: Command | null = command; each !== null; each = each.parent) chain.unshift(each);
  let merged: Record<string, unknown> = {};
  for (const each of chain) {
    const given = Object.keys(flags).filter((name) => {
      const source = each.getOptionValueSource(name);
      return source !== undefined && source !== 'default';
    });
    merged = { ...merged, ...Object.fromEntries(given.map((name) => [name, each.getOptionValue(name)])) };
  }
  return merged as Globals;
}
