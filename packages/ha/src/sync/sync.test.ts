import { describe, expect, test } from 'vitest';
import { blocks } from '../lease/failsafe.ts';
import { changeStep, type Effective, proven, wantedFor } from './change.ts';
import { covers, mayLoseWal, type SealAnswer, type SyncConfiguration } from './configuration.ts';
import { electSync, type SyncElectionInput, type SyncRecord } from './elect.ts';

const ids = ['a', 'b', 'c', 'd', 'e'] as const;
const subsets = (all: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: 2 ** all.length }, (_, bits) => all.filter((_id, i) => (bits & (1 << i)) !== 0));
const at = (epoch: number, lsn: number) => ({ epoch, lsn: BigInt(lsn) });
const says = (instanceId: string, lsn = 10, more: Partial<SealAnswer> = {}): SealAnswer => ({
  instanceId,
  systemId: 's',
  last: at(1, lsn),
  ...more,
});
const c = (members: readonly string[], k = 1, more: Partial<SyncConfiguration> = {}): SyncConfiguration => ({
  version: 1,
  epoch: 1,
  primary: 'a',
  k,
  members,
  ...more,
});

describe('covering', () => {
  test('Y1: exhaustive to four members: who covers has a member in common with every k of them, and blocks their commits', () => {
    let looked = 0;
    for (const members of subsets(ids.slice(1))) {
      for (let k = 1; k <= members.length; k++) {
        for (const there of subsets(ids.slice(1))) {
          const covered = covers(
            there.map((id) => says(id)),
            c(members, k),
          );
          const meets = subsets(members)
            .filter((set) => set.length === k)
            .every((set) => set.some((id) => there.includes(id)));
          expect(covered).toBe(meets);
          // Whoever promised is missing among those that answer; then nothing is covered without the primary.
          const promised = new Set(ids.slice(1).filter((id) => !there.includes(id)));
          if (blocks('a', promised, { mode: 'sync', configurations: [c(members, k)] })) expect(covered).toBe(false);
          looked++;
        }
      }
    }
    expect(looked).toBeGreaterThan(400);
  });

  test('Y2: the primary itself covers once it is stopped, unless a member of its epoch is ahead of it', () => {
    const one = c(['b', 'c'], 1);
    expect(covers([says('a')], one)).toBe(false);
    expect(covers([says('a', 10, { stopped: true })], one)).toBe(true);
    expect(covers([says('a')], one, 'a')).toBe(true);
    expect(covers([says('a', 10, { stopped: true }), says('b', 11)], c(['b', 'c', 'd'], 2))).toBe(false);
    expect(covers([says('a', 10, { stopped: true }), says('b', 11, { last: at(0, 99) })], c(['b', 'c', 'd'], 2))).toBe(
      true,
    );
  });

  test('Y3: members never cover k = 0', () => {
    expect(covers([says('b'), says('c')], c(['b', 'c'], 0))).toBe(false);
    expect(covers([says('a', 10, { stopped: true })], c([], 0))).toBe(true);
  });

  test('a member loses WAL only where no published configuration can rest on it', () => {
    expect(mayLoseWal('b', 1, [c(['b', 'c'])])).toBe(false);
    expect(mayLoseWal('d', 1, [c(['b', 'c'])])).toBe(true);
    expect(mayLoseWal('b', 1, [c(['b', 'c'], 1, { epoch: 2 })]), 'it has none of that epoch').toBe(true);
  });
});

const record = (configurations: readonly SyncConfiguration[], floor = at(1, 1)): SyncRecord => ({
  systemId: 's',
  configurations,
  floor,
});
const election = (more: Partial<SyncElectionInput>) =>
  electSync({
    sync: record([c(['b', 'c'])]),
    epoch: 2,
    answers: [says('b', 10), says('c', 12)],
    electable: ['a', 'b', 'c'],
    instances: ['a', 'b', 'c'],
    ...more,
  });

describe('election', () => {
  test('V2: who has most wins, and the record starts anew with where it begins', () => {
    expect(election({})).toMatchObject({
      winner: 'c',
      sync: { floor: at(1, 12), configurations: [{ version: 2, epoch: 2, primary: 'c', k: 1, members: ['b'] }] },
    });
  });

  test('V2: the epoch counts before the position, and preference where both are the same', () => {
    expect(election({ answers: [says('b', 10, { last: at(2, 5) }), says('c', 12)], epoch: 3 }).winner).toBe('b');
    expect(election({ answers: [says('b', 10), says('c', 10)], electable: ['c', 'b'] }).winner).toBe('c');
  });

  test.each([
    ['V1-covered', { answers: [says('b')], sync: record([c(['b', 'c'], 1)]) }],
    ['V1-covered', { sync: record([c(['b', 'c']), c(['d'], 1, { version: 2 })]) }],
    ['V1-covered', { answers: [says('b'), says('c', 12, { systemId: 'other' })], sync: record([c(['b', 'c'], 1)]) }],
    ['V2-most', { electable: ['a', 'b'] }],
    ['V2-floor', { sync: record([c(['b', 'c'])], at(1, 13)) }],
    ['V2-floor', { sync: record([c(['b', 'c'])], at(2, 1)) }],
  ])('it waits by %s', (guard, more) => {
    const { winner, reasons } = election(more as Partial<SyncElectionInput>);
    // One of two with k = 1 leaves one that could confirm.
    expect(winner).toBeUndefined();
    expect(reasons.find(({ holds }) => !holds)?.guard).toBe(guard);
  });

  test('V3: in place the old configurations stay beside the new one; others go', () => {
    const { winner, ...rest } = election({ answers: [says('a', 20), says('b', 15)], inPlace: 'a' });
    expect(winner).toBe('a');
    expect(rest).toMatchObject({ sync: { configurations: [{ version: 1 }, { version: 2, members: ['b'] }] } });
    const stopped = election({ answers: [says('a', 20, { stopped: true }), says('b', 15)] });
    expect(stopped).toMatchObject({ winner: 'a', sync: { configurations: [{ version: 2, members: ['b'] }] } });
  });

  test('V4: topped up to k, and k stays', () => {
    expect(
      election({
        sync: record([c(['b', 'c', 'd'], 2)]),
        answers: [says('b', 10), says('c', 12)],
        instances: ['a', 'b', 'c', 'd'],
      }),
    ).toMatchObject({ winner: 'c', sync: { configurations: [{ k: 2, members: ['b', 'a'] }] } });
  });
});

describe('changes', () => {
  const of = { epoch: 1, primary: 'a', switching: false };
  const wanted = { k: 1, members: ['c'] };

  test('I7: published together, applied, confirmed, and only then the old one goes', () => {
    let sync = record([c(['b'])]);
    let effective: Effective = { version: 1, provenVersion: 1 };
    const seen: string[] = [];
    for (let i = 0; i < 10; i++) {
      const step = changeStep(sync, wanted, effective, of);
      seen.push(step.kind);
      // What is effective is published, before and after each step.
      expect(sync.configurations.map(({ version }) => version)).toContain(effective.version);
      if (step.kind === 'idle') break;
      if (step.kind === 'publish') ({ sync } = step);
      else if (step.kind === 'apply') effective = { ...effective, version: step.configuration.version };
      else effective = { ...effective, provenVersion: step.configuration.version };
    }
    expect(seen).toEqual(['publish', 'apply', 'confirm', 'publish', 'idle']);
    expect(sync.configurations).toEqual([c(['c'], 1, { version: 2 })]);
  });

  test('J1: nothing while a switch stands, nor by who is not the primary of the newest one', () => {
    const effective = { version: 1, provenVersion: 1 };
    expect(changeStep(record([c(['b'])]), wanted, effective, { ...of, switching: true }).kind).toBe('idle');
    expect(changeStep(record([c(['b'])]), wanted, effective, { ...of, primary: 'b' }).kind).toBe('idle');
    expect(changeStep(record([c(['b'])]), wanted, effective, { ...of, epoch: 2 }).kind).toBe('idle');
  });

  test('J2: exhaustive to four members: what k of the old set held is held by whoever covers the new set', () => {
    const pool = ids.slice(1);
    for (const before of subsets(pool)) {
      for (const after of subsets(pool)) {
        for (const connected of subsets(pool)) {
          for (const holding of subsets(connected)) {
            const [old, next] = [c(before), c(after, 1, { version: 2 })];
            const held = new Map(holding.map((id) => [id, at(1, 5)]));
            const ok = proven(at(1, 5), next, [old, next], held, new Set(connected));
            // A member that streams and holds nothing may be the one that confirmed for the old set a moment ago.
            if (connected.some((id) => (before.includes(id) || after.includes(id)) && !holding.includes(id)))
              expect(ok).toBe(false);
            expect(ok && !after.some((id) => holding.includes(id))).toBe(false);
          }
        }
      }
    }
  });

  test('J3: required keeps k and enough members; preferred goes on with fewer', () => {
    const now = c(['b', 'c'], 1);
    const none = { streaming: new Set<string>(), gone: new Set(['b', 'c']) };
    expect(wantedFor(now, 1, 'required', none)).toEqual({ k: 1, members: ['b'] });
    expect(wantedFor(now, 1, 'preferred', none)).toEqual({ k: 0, members: [] });
    expect(wantedFor(now, 1, 'required', { streaming: new Set(['d']), gone: new Set(['b']) })).toEqual({
      k: 1,
      members: ['c', 'd'],
    });
    expect(wantedFor(c([], 0), 1, 'preferred', { streaming: new Set(['b']), gone: new Set() })).toEqual({
      k: 1,
      members: ['b'],
    });
  });
});
