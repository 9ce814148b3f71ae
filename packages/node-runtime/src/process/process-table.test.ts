import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findProcesses } from './find-processes.ts';
import { identify, isAlive, linuxInspector, readBootId, readProcess, readProcessTable } from './process-table.ts';

function limitDescriptors(soft: string): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${soft}:`]);
  expect(status, String(stderr)).toBe(0);
}

/** Calls back while this process can open nothing more. Does not wait, so that nobody else notices. */
function withoutDescriptors(callback: () => void): void {
  const { stdout } = spawnSync('prlimit', ['--pid', String(process.pid), '--nofile', '--output=SOFT', '--noheadings']);
  const before = String(stdout).trim();
  limitDescriptors('512');
  const held: number[] = [];
  try {
    expect(() => {
      while (held.length < 512) held.push(openSync('/dev/null', 'r'));
    }).toThrow('EMFILE');
    callback();
  } finally {
    for (const descriptor of held) closeSync(descriptor);
    limitDescriptors(before);
  }
}

it('takes only ENOENT and ESRCH for the death of a process', () => {
  const bootId = readBootId();
  const self = identify(process.pid, bootId);
  if (!self) throw new Error('this process does not live');
  const unknown = expect.objectContaining({ code: 'ProcessesUnknown' });
  withoutDescriptors(() => {
    expect(() => isAlive(self, bootId)).toThrow(unknown);
    expect(() => readProcess(self.pid)).toThrow(unknown);
    expect(() => readProcessTable()).toThrow(unknown);
    expect(() => findProcesses({ roots: [self], folders: [], markers: [] })).toThrow(unknown);
    expect(() => linuxInspector.hasEnvironment(self.pid, 'PATH=')).toThrow(unknown);
    expect(() => linuxInspector.effectiveUid(self.pid)).toThrow(unknown);
  });
  expect(isAlive(self, bootId)).toBe(true);
});

it('knows the dead', () => {
  const { pid } = spawnSync('true');
  expect(readProcess(pid)).toBeUndefined();
  expect(linuxInspector.workingDirectory(pid)).toBeUndefined();
  expect(linuxInspector.hasEnvironment(pid, 'PATH=')).toBe(false);
  expect(linuxInspector.effectiveUid(pid)).toBeUndefined();
});
