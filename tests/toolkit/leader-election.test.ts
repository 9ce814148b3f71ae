/** Leader election with real processes: the invariants are those of packages/kube/src/leader-election.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@polarstack/base';
import { Leases } from '@polarstack/kube';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { onBothServers, type Scene } from './both-servers.ts';

interface Entry {
  readonly at: bigint;
  readonly who: string;
  readonly what: string;
}

const contenders = new Map<string, ChildProcess>();
let scene: Scene;
let journal: string;

afterEach(async () => {
  await Promise.all(
    [...contenders.values()].map(async (child) => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }),
  );
  contenders.clear();
});

function start(...names: readonly string[]): void {
  for (const name of names) {
    const script = fileURLToPath(new URL('leader-process.ts', import.meta.url));
    const args = ['--import', 'tsx', script, scene.server.kubeconfig, journal, scene.namespace, name];
    contenders.set(name, spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] }));
  }
}

function signal(name: string, kind: NodeJS.Signals): void {
  contenders.get(name)?.kill(kind);
}

function entries(): readonly Entry[] {
  return readFileSync(journal, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [at = '', who = '', what = ''] = line.split(' ');
      return { at: BigInt(at), who, what };
    });
}

/** The one that acted since there were `from` entries. */
async function leader(from = 0, fits: (name: string) => boolean = () => true): Promise<string> {
  return await waitFor(
    'a leader that acts',
    () =>
      Promise.resolve(
        entries()
          .slice(from)
          .findLast(({ who, what }) => what === 'act' && fits(who))?.who,
      ),
    { signal: AbortSignal.timeout(90_000), timeoutMs: 60_000, intervalMs: 20 },
  );
}

async function seen(what: string, from: number, who?: string): Promise<void> {
  await waitFor(
    `${who ?? 'a leader'} to note "${what}"`,
    () =>
      Promise.resolve(
        entries()
          .slice(from)
          .find((e) => e.what === what && (who === undefined || e.who === who)),
      ),
    { signal: AbortSignal.timeout(90_000), timeoutMs: 60_000, intervalMs: 20 },
  );
}

/** L1: an act of one process after another began to lead, and before it began again itself, is one too many. */
function expectOneLeader(): void {
  const sorted = [...entries()].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  let current: string | undefined;
  for (const { who, what } of sorted) {
    if (what === 'begin') current = who;
    else if (what === 'act') expect(who).toBe(current);
  }
  expect(sorted.filter(({ what }) => what === 'act').length).toBeGreaterThan(0);
}

const other = (than: string) => (name: string) => name !== than;

const named = (): { readonly namespace: string; readonly name: string } => ({
  namespace: scene.namespace,
  name: 'contended',
});

onBothServers('leader election among processes', (current) => {
  beforeEach(() => {
    scene = current();
    journal = join(scene.server.folder, `journal-${scene.namespace}`);
    writeFileSync(journal, '');
  });

  it('survives leaders that are stopped, resumed, killed and asked to leave', async () => {
    start('a', 'b', 'c');
    const first = await leader();
    signal(first, 'SIGSTOP');
    const second = await leader(entries().length, other(first));
    signal(first, 'SIGCONT');
    await seen('end', 0, first);
    signal(second, 'SIGKILL');
    const third = await leader(entries().length, other(second));
    const before = (await scene.direct.get(Leases, named())).spec?.leaseTransitions ?? 0;
    const leaving = contenders.get(third);
    signal(third, 'SIGTERM');
    const fourth = await leader(entries().length, other(third));
    if (leaving?.exitCode === null) await once(leaving, 'exit');
    expect(leaving?.exitCode).toBe(0);
    const now = await scene.direct.get(Leases, named());
    expect(now.spec?.holderIdentity).toBe(fourth);
    expect(now.spec?.leaseTransitions).toBe(before + 1);
    expect(now.spec?.renewTime).toMatch(/\.\d{6}Z$/);
    expectOneLeader();
  });

  it('survives a Lease that is deleted, stolen and emptied, also from a leader that is paused, and a server that goes away', async () => {
    start('d', 'e', 'f');
    await leader();
    for (const meddle of [
      async () => await scene.direct.delete(Leases, named()),
      async () => await edit({ holderIdentity: 'thief' }),
      async () => await edit({ holderIdentity: null }),
    ]) {
      const from = entries().length;
      await meddle();
      await seen('end', from);
      await seen('begin', from);
    }
    const paused = await leader(entries().length);
    signal(paused, 'SIGSTOP');
    await edit({ holderIdentity: 'thief', renewTime: new Date().toISOString().replace('Z', '000Z') });
    const from = entries().length;
    signal(paused, 'SIGCONT');
    await seen('end', from, paused);
    await leader(entries().length);
    await scene.server.restart();
    await leader(entries().length);
    expectOneLeader();
  });
});

async function edit(spec: object): Promise<void> {
  await scene.direct.patch(Leases, named(), { type: 'merge', body: { spec } });
}
