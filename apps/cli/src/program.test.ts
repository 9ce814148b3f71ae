import { execFileSync, spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { type ErrorEntry, errorTable, StackError } from '@polarstack/base';
import { describe, expect, test } from 'vitest';
import { completionScript } from './completion/scripts.ts';
import { type CommandWords, wordsOf } from './completion/words.ts';
import { globalsOf } from './connect/globals.ts';
import type { Io } from './io.ts';
import { commandWord, createProgram, lazyCommands } from './program.ts';
import { exitCodes, renderError } from './report-error.ts';
import { runCli } from './run-cli.ts';

function captured(): { readonly io: Io; readonly out: () => string; readonly err: () => string } {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const io = { stdout, stderr, confirm: async () => undefined, readInput: async () => '' };
  return { io, out: () => String(stdout.read() ?? ''), err: () => String(stderr.read() ?? '') };
}

describe('the command line', () => {
  test.each([
    [['status'], 'status'],
    [['-n', 'list', 'status'], 'status'],
    [['--kubeconfig', 'psql', '--no-color', 'list'], 'list'],
    [['--home=x', 'help', 'node'], 'node'],
    [['--help'], undefined],
    [[], undefined],
  ])('of %j the command is %s', (args, word) => {
    expect(commandWord(args)).toBe(word);
  });

  test('global options are taken before and after the command, the latter win', async () => {
    const program = await createProgram(['list'], captured().io);
    const list = program.commands.find((each) => each.name() === 'list');
    if (list === undefined) throw new Error('no command list');
    let seen: unknown;
    list.action(() => {
      seen = globalsOf(list);
    });
    await program.parseAsync(['-n', 'one', '--home', 'h', '-o', 'json', 'list', '-n', 'two', '-A'], { from: 'user' });
    expect(seen).toEqual({ namespace: 'two', home: 'h', output: 'json', allNamespaces: true });
  });

  test('every command takes --no-color', async () => {
    const program = await createProgram(['completion'], captured().io);
    const every = program.commands.flatMap((each) => [each, ...each.commands]);
    for (const each of every)
      expect([each.name(), each.options.map(({ long }) => long)]).toEqual([
        each.name(),
        expect.arrayContaining(['--no-color']),
      ]);
    const [list] = program.commands.filter((each) => each.name() === 'list');
    if (list === undefined) throw new Error('no command list');
    list.action(() => {});
    await program.parseAsync(['list', '--no-color'], { from: 'user' });
    expect(globalsOf(list)).toEqual({ color: false });
  });

  test('help names every command and the exit codes; the help of each command can be had', async () => {
    const { io, out } = captured();
    expect(await runCli(['--help'], io)).toBe(0);
    const help = out();
    for (const { names } of lazyCommands) expect(help).toMatch(new RegExp(`^  ${names.join('\\|')}\\b`, 'm'));
    expect(help).toContain('Exit codes:');
    for (const { names } of lazyCommands) {
      const one = captured();
      expect(await runCli([names[0] ?? '', '--help'], one.io)).toBe(0);
      expect(one.out()).toContain(`Usage: polarstack ${names[0]}`);
    }
  });

  test.each([
    [[]],
    [['nonsense']],
    [['delete']],
    [['status', '--nonsense']],
    [['list', '-o', 'xml']],
    [['completion', 'tcsh']],
    [['logs', 'x', '--tail', 'many']],
  ])('%j is a usage error with exit code 2', async (args) => {
    expect(await runCli(args, captured().io)).toBe(2);
  });
});

describe('errors', () => {
  test('message, code and remedy; further problems below', () => {
    const problems = [
      { code: 'ClassUnknown', path: 'spec.a', message: 'first', remedy: 'do this' },
      { code: 'PortInUse', path: 'spec.b', message: 'second', remedy: 'do that' },
    ];
    const { text, exitCode } = renderError(
      new StackError('ClassUnknown', 'first', { remedy: 'do this', details: { problems } }),
    );
    expect(exitCode).toBe(2);
    expect(text).toBe(
      'error: first\n  code:   ClassUnknown\n  remedy: do this\nerror: spec.b: second\n  code:   PortInUse\n  remedy: do that\n',
    );
  });

  test('what is not an error of the table is a defect, with exit code 1', () => {
    expect(renderError(new TypeError('x is undefined'))).toEqual({
      exitCode: 1,
      text: expect.stringContaining('code:   Internal'),
    });
  });

  test('every exit code of the error table is documented', () => {
    const documented = exitCodes.map(([code]) => code);
    for (const entry of Object.values(errorTable) as ErrorEntry[])
      expect(documented).toContain(String(entry.exit ?? 1));
  });
});

describe('completion', () => {
  async function words(): Promise<readonly CommandWords[]> {
    return wordsOf(await createProgram(['completion'], captured().io));
  }

  test('knows all commands, also those below others', async () => {
    const paths = (await words()).map(({ path }) => path);
    for (const { names } of lazyCommands) expect(paths).toContain(names[0]);
    expect(paths).toContain('node stop');
  });

  test('bash completes commands, sub-commands, options and names', async () => {
    const script = completionScript('bash', await words());
    const complete = (...line: string[]): string[] => {
      const quoted = ['polarstack', ...line].map((word) => `'${word}'`).join(' ');
      const test = [
        'polarstack() { if [ "$1" = list ]; then echo demo orders; else echo node-1; fi; }',
        script,
        `COMP_WORDS=(${quoted}); COMP_CWORD=${line.length}; _polarstack; echo "\${COMPREPLY[@]}"`,
      ].join('\n');
      return execFileSync('bash', ['-c', test], { encoding: 'utf8' }).trim().split(' ');
    };
    expect(complete('st')).toEqual(['status']);
    expect(complete('node', 'sto')).toEqual(['stop']);
    expect(complete('psql', 'or')).toEqual(['orders']);
    expect(complete('-n', 'x', 'delete', '')).toEqual(['demo', 'orders']);
    expect(complete('node', 'stop', '')).toEqual(['node-1']);
    expect(complete('create', '--rep')).toEqual(['--replicas']);
    expect(complete('completion', 'f')).toEqual(['fish']);
  });

  test('the zsh and fish scripts say the same commands', async () => {
    const known = await words();
    expect(completionScript('zsh', known)).toContain('bashcompinit');
    const fish = completionScript('fish', known);
    for (const { names } of lazyCommands) expect(fish).toContain(`-a '${names[0]}'`);
    // Where the shells are here, they must be able to read them.
    for (const [shell, script] of [
      ['zsh', completionScript('zsh', known)],
      ['fish', fish],
    ] as const) {
      const { error, status, stderr } = spawnSync(shell, ['-n', '-c', script], { encoding: 'utf8' });
      if (error === undefined) expect([shell, status, stderr]).toEqual([shell, 0, '']);
    }
  });
});
