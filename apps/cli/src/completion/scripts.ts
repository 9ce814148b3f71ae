import type { CommandWords } from './words.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function completionScript(shell: Shell, words: readonly CommandWords[]): string {
  switch (shell) {
    case 'bash':
      return bash(words);
    case 'zsh':
      // zsh runs bash's functions by itself.
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(words)}`;
    case 'fish':
      return fish(words);
  }
}

/** Names that are only known at the time: they are asked for, and an answer that does not come is no answer. */
const dynamic: Readonly<Record<CommandWords['argument'], string>> = {
  cluster: '$(polarstack list -o name 2>/dev/null)',
  node: '$(polarstack node list -o name 2>/dev/null)',
  operation: '$(polarstack operations -o name 2>/dev/null)',
  shell: shells.join(' '),
  none: '',
};

function bash(words: readonly CommandWords[]): string {
  const paths = words.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  const cases = words.map(({ path, commands, options, argument }) => {
    const names = [...commands, ...(dynamic[argument] === '' ? [] : [dynamic[argument]])].join(' ');
    return `    '${path}') names="${names}"; options="${options.join(' ')}" ;;`;
  });
  // The longest run of words that is a command decides what can follow.
  return `_polarstack() {
  local path="" names="" options="" i known
  for ((i = 1; i < COMP_CWORD; i++)); do
    for known in ${paths.join(' ')}; do
      if [ "$known" = "\${path:+$path }\${COMP_WORDS[i]}" ]; then path="$known"; break; fi
    done
  done
  local current="\${COMP_WORDS[COMP_CWORD]}"
  case "$path" in
${cases.join('\n')}
  esac
  if [[ "$current" == -* ]]; then names="$options"; fi
  COMPREPLY=($(compgen -W "$names" -- "$current"))
}
complete -o default -F _polarstack polarstack
`;
}

function fish(words: readonly CommandWords[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const top = words.find(({ path }) => path === '');
  const lines = words.flatMap(({ path, description, options, argument }) => {
    if (path === '') return [];
    const names = path.split(' ');
    const last = names.at(-1) ?? '';
    const parent = names.slice(0, -1);
    const offered =
      parent.length === 0
        ? '__fish_use_subcommand'
        : `__fish_seen_subcommand_from ${parent.join(' ')}; and not __fish_seen_subcommand_from ${siblings(words, parent)}`;
    const inside = names.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    const first = `complete -c polarstack -f -n ${quote(offered)} -a ${quote(last)} -d ${quote(description)}`;
    const asked = dynamic[argument].replace(/^\$/, '');
    const values = asked === '' ? [] : [`complete -c polarstack -f -n ${quote(inside)} -a ${quote(asked)}`];
    return [first, ...options.map((option) => flag(option, quote(inside))), ...values];
  });
  return `${[...(top?.options ?? []).map((option) => flag(option, undefined)), ...lines].join('\n')}\n`;
}

function siblings(words: readonly CommandWords[], parent: readonly string[]): string {
  return words.find(({ path }) => path === parent.join(' '))?.commands.join(' ') ?? '';
}

function flag(option: string, condition: string | undefined): string {
  const name = option.startsWith('--') ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`;
  return `complete -c polarstack${condition === undefined ? '' : ` -n ${condition}`} ${name}`;
}
