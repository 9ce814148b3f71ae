/** Which words of a command line are ours and which are psql's. */

/** Options of ours that take a value; they may stand anywhere, as in every other command. */
const oursWithValue = new Set(['--home', '--kubeconfig', '--context', '--namespace', '-n']);
/** The same before the command's name. */
const beforeCommand = new Set([...oursWithValue, '--output', '-o']);
/** The same between the command's name and the cluster's. */
const beforeCluster = new Set([...oursWithValue, '--command', '-c']);
const oursAlone = new Set(['--ro', '--no-color', '--help', '-h']);

/** Options of psql that take the next word as their value, unless it is joined to them. */
const psqlLetters = /^-[^cdfvLoFPRThpU]*[cdfvLoFPRThpU]$/;
const psqlWords = new Set(
  'command dbname file set variable log-file output field-separator pset record-separator table-attr host port username'
    .split(' ')
    .map((word) => `--${word}`),
);

const isOption = (word: string): boolean => word.startsWith('-') && word !== '-';

/** The index of the next word that is no option, nor the value of one in `withValue`. */
function nextName(args: readonly string[], from: number, withValue: ReadonlySet<string>): number {
  let index = from;
  for (let word = args[index]; word !== undefined && isOption(word); word = args[index]) {
    if (word === '--') return args.length;
    index += withValue.has(word) ? 2 : 1;
  }
  return index;
}

/** Whether psql takes the word after this option of its as the value: `-c`, `-tc`, `--command`, but not `-cx` or `-t`. */
function wantsValue(option: string): boolean {
  return option.startsWith('--') ? psqlWords.has(option) : psqlLetters.test(option);
}

/** How many words the option of ours at `index` has; 0 where it is not ours. */
function ours(args: readonly string[], index: number): number {
  const word = args[index] ?? '';
  if (oursAlone.has(word)) return 1;
  if (oursWithValue.has(word)) return 2;
  // Joined: --home=/x.
  return oursWithValue.has(word.slice(0, word.indexOf('='))) ? 1 : 0;
}

/**
 * The words of a command line with `--` before those that are psql's: in `psql <cluster> ...` all after the cluster that is
 * not an option of ours, in its order. Of the options that both have, ours hold (`-n`, `-h`); after `--` all are psql's.
 * Other command lines are answered as they are.
 */
export function splitPsqlArguments(args: readonly string[]): readonly string[] {
  const command = nextName(args, 0, beforeCommand);
  if (args[command] !== 'psql') return args;
  const cluster = nextName(args, command + 1, beforeCluster);
  const kept = args.slice(0, cluster + 1);
  const rest: string[] = [];
  for (let index = cluster + 1; index < args.length; ) {
    const word = args[index] ?? '';
    if (word === '--') {
      rest.push(...args.slice(index + 1));
      break;
    }
    const length = ours(args, index);
    const into = length > 0 ? kept : rest;
    const end = index + (length > 0 ? length : isOption(word) && wantsValue(word) ? 2 : 1);
    into.push(...args.slice(index, end));
    index = end;
  }
  return rest.length > 0 ? [...kept, '--', ...rest] : kept;
}
