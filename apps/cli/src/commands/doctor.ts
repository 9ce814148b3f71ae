import { isStackError, StackError } from '@polarstack/base';
import {
  chooseHome,
  examine,
  type Finding,
  type Home,
  type RepairedCopy,
  repairState,
  useRepaired,
} from '@polarstack/local';
import type { Command } from 'commander';
import pc from 'picocolors';
import { addGlobals, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';

interface DoctorFlags {
  readonly home?: string;
  readonly repair?: boolean;
  readonly acceptLoss?: boolean;
  readonly output?: string;
}

const marks = { ok: pc.green('✔'), warning: pc.yellow('!'), failed: pc.red('✘') } as const;

export function registerDoctor(program: Command, io: Io): void {
  const command = program
    .command('doctor')
    .description('check this machine and the local home, and say what mends what is wrong')
    .option('--repair', 'save what is readable of a damaged state into a copy, and use it where nothing is lost')
    .option('--accept-loss', 'with --repair: use the copy even where something is lost');
  addGlobals(command, 'home', 'output').action(async (flags: DoctorFlags) => {
    const { home } = chooseHome(flags.home);
    if (flags.repair === true) await repairHome(home, flags, io);
    const findings = await examine(home);
    const isJson = globalsOf(command).output === 'json';
    io.stdout.write(isJson ? `${JSON.stringify({ findings }, undefined, 2)}\n` : render(findings));
    const broken = findings.filter(({ state }) => state === 'failed');
    if (broken.length > 0) {
      throw new StackError('UnhealthyMachine', `failed: ${broken.map(({ name }) => name).join(', ')}`);
    }
  });
}

function render(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .map(({ name, state, detail, remedy }) => {
      const line = `${marks[state]} ${name.padEnd(width)}  ${detail}\n`;
      return remedy === undefined
        ? line
        : `${line}  ${' '.repeat(width)}  ${pc.dim('->')} ${remedy.replaceAll('\n', `\n${' '.repeat(width + 7)}`)}\n`;
    })
    .join('');
}

async function repairHome(home: Home, flags: DoctorFlags, io: Io): Promise<void> {
  const copy = await repairOrNothing(home, io);
  if (copy === undefined) return;
  io.stdout.write(describe(copy));
  const { complete } = copy.report;
  const use =
    complete ||
    flags.acceptLoss === true ||
    (await io.confirm('Use the copy although something is lost? The damaged files are kept.'));
  if (use !== true) {
    io.stdout.write(
      `The state is as it was. To use the copy all the same: polarstack doctor --repair --accept-loss\n\n`,
    );
    return;
  }
  const kept = await useRepaired(home, copy);
  io.stdout.write(`The copy is in use; the damaged files are kept in ${kept}.\n\n`);
}

/** Undefined where the state is open, and so whole. */
async function repairOrNothing(home: Home, io: Io): Promise<RepairedCopy | undefined> {
  try {
    return await repairState(home);
  } catch (error) {
    if (!isStackError(error, 'HomeBusy')) throw error;
    io.stdout.write(`${error.message}; nothing was repaired.\n\n`);
    return undefined;
  }
}

function describe({ folder, report }: RepairedCopy): string {
  const { objects, complete, damages, lostRevisions, unreadable, baseMissing } = report;
  const lines = [`Saved ${objects} objects into ${folder}.`];
  for (const { file, offset, bytes, reason, recovered } of damages) {
    lines.push(`  ${file}: ${bytes} bytes at ${offset} unreadable (${reason}); ${recovered} records of it recovered`);
  }
  if (complete) lines.push('Nothing that was acknowledged is lost.');
  for (const range of lostRevisions) lines.push(`  lost: ${JSON.stringify(range)}`);
  for (const key of unreadable) lines.push(`  unreadable: ${key}`);
  if (baseMissing) lines.push('  Objects older than the first whole file are missing, and nothing is known of them.');
  return `${lines.join('\n')}\n`;
}
