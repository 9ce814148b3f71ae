import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Term } from '@polarstack/contracts';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkSuccession, decodeFile, decodeSlot, encodeSlot, openTermFile, SLOT_BYTES } from './term-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ps-term-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const upstream = fc.record({
  instanceId: fc.stringMatching(/^[a-z0-9]{1,20}$/),
  host: fc.ipV4(),
  port: fc.integer({ min: 1, max: 65_535 }),
  serverName: fc.stringMatching(/^[a-z0-9.-]{1,60}$/),
  slot: fc.stringMatching(/^[a-z0-9_]{1,60}$/),
});
const anyTerm: fc.Arbitrary<Term> = fc.oneof(
  fc.record({ epoch: fc.integer({ min: 1, max: 1e9 }), role: fc.constant('primary' as const) }),
  fc.record({ epoch: fc.integer({ min: 1, max: 1e9 }), role: fc.constant('replica' as const), upstream }),
);
const SECTOR = 512;

test('T1: a write torn at any sector, in any order, leaves the term before or the one being written', () => {
  fc.assert(
    fc.property(
      fc.array(anyTerm, { minLength: 1, maxLength: 6 }),
      fc.array(fc.boolean(), { minLength: SLOT_BYTES / SECTOR, maxLength: SLOT_BYTES / SECTOR }),
      (terms, written) => {
        const file = Buffer.alloc(2 * SLOT_BYTES);
        let before: Term | undefined;
        for (const [index, term] of terms.entries()) {
          const slot = encodeSlot({ sequence: index + 1, term });
          const at = (decodeFile(file)?.next ?? 0) * SLOT_BYTES;
          const torn = Buffer.from(file);
          for (const [sector, done] of written.entries())
            if (done) slot.copy(torn, at + sector * SECTOR, sector * SECTOR, (sector + 1) * SECTOR);
          const read = decodeFile(torn)?.inForce.term;
          expect([before, term]).toContainEqual(read);
          slot.copy(file, at);
          expect(decodeFile(file)?.inForce).toEqual({ sequence: index + 1, term });
          before = term;
        }
      },
    ),
  );
});

test('T1: a write cut off after any byte leaves the term before or the one being written', () => {
  fc.assert(
    fc.property(anyTerm, anyTerm, fc.nat({ max: SLOT_BYTES }), (before, next, bytes) => {
      const file = Buffer.concat([
        encodeSlot({ sequence: 1, term: before }),
        encodeSlot({ sequence: 0, term: before }),
      ]);
      encodeSlot({ sequence: 2, term: next }).copy(file, SLOT_BYTES, 0, bytes);
      expect([before, next]).toContainEqual(decodeFile(file)?.inForce.term);
    }),
  );
});

test('T1: one changed byte anywhere in a slot is noticed', () => {
  fc.assert(
    fc.property(anyTerm, fc.nat(), fc.integer({ min: 1, max: 255 }), (term, position, change) => {
      const slot = encodeSlot({ sequence: 7, term });
      const end = slot.indexOf('\n');
      const at = position % (end + 1);
      slot[at] = (slot[at] ?? 0) ^ change;
      const read = decodeSlot(slot);
      if (read) expect(read).toEqual({ sequence: 7, term });
    }),
  );
});

test('T2: what was set is read by the next agent, through many writes in place', async () => {
  const path = join(folder, 'term');
  for (let epoch = 1; epoch <= 5; epoch++) {
    const file = await openTermFile(path);
    expect(file.current?.epoch).toBe(epoch === 1 ? undefined : epoch - 1);
    await file.set({
      epoch,
      role: epoch % 2 === 1 ? 'primary' : 'replica',
      ...(epoch % 2 === 1 ? {} : { upstream: up }),
    });
    expect(readFileSync(path)).toHaveLength(2 * SLOT_BYTES);
  }
});
const up = { instanceId: '2', host: '10.0.0.2', port: 5432, serverName: 'pod-2', slot: 'ins_1' };

test('T3: epochs never decrease, and a role does not change within one', async () => {
  const path = join(folder, 'term');
  const file = await openTermFile(path);
  await file.set({ epoch: 3, role: 'replica', upstream: up });
  await expect(file.set({ epoch: 2, role: 'primary' })).rejects.toMatchObject({ code: 'StaleEpoch' });
  await expect(file.set({ epoch: 3, role: 'primary' })).rejects.toMatchObject({ code: 'StaleEpoch' });
  await file.set({ epoch: 3, role: 'replica', upstream: { ...up, host: '10.0.0.3' } });
  expect((await openTermFile(path)).current?.upstream?.host).toBe('10.0.0.3');
});

test('T3 holds for any sequence of terms', () => {
  fc.assert(
    fc.property(fc.array(anyTerm, { maxLength: 20 }), (terms) => {
      let current: Term | undefined;
      for (const next of terms) {
        try {
          checkSuccession(current, next);
        } catch {
          continue;
        }
        if (current) expect(next.epoch >= current.epoch).toBe(true);
        if (current?.epoch === next.epoch) expect(next.role).toBe(current.role);
        current = next;
      }
    }),
  );
});

test('a file without a whole slot is an error, never a new member', async () => {
  const path = join(folder, 'term');
  await (await openTermFile(path)).set({ epoch: 1, role: 'primary' });
  writeFileSync(path, Buffer.alloc(2 * SLOT_BYTES, 1));
  await expect(openTermFile(path)).rejects.toMatchObject({ code: 'TermFileCorrupt' });
});

test('a term that does not fit its slot is refused', () => {
  const term: Term = { epoch: 1, role: 'replica', upstream: { ...up, serverName: 'x'.repeat(SLOT_BYTES) } };
  expect(() => encodeSlot({ sequence: 1, term })).toThrow(/too long/);
});

test('T4: a fence bars what is below it, is kept over terms and deaths, and never goes down', async () => {
  const path = join(folder, 'term');
  const file = await openTermFile(path);
  await expect(file.setFence(1)).rejects.toMatchObject({ code: 'TermMissing' });
  await file.set({ epoch: 1, role: 'primary' });
  expect([file.fence, file.mayStart]).toEqual([undefined, true]);
  await expect(file.setFence(1)).rejects.toMatchObject({ code: 'StaleEpoch' });
  await file.setFence(3);
  await expect(file.setFence(2)).rejects.toMatchObject({ code: 'StaleEpoch' });
  for (const again of [file, await openTermFile(path)]) {
    expect([again.fence, again.mayStart, again.current?.epoch]).toEqual([3, false, 1]);
    await expect(again.set({ epoch: 2, role: 'primary' })).rejects.toMatchObject({ code: 'StaleEpoch' });
  }
  await file.set({ epoch: 3, role: 'primary' });
  const reopened = await openTermFile(path);
  expect([reopened.fence, reopened.mayStart, reopened.current]).toEqual([3, true, { epoch: 3, role: 'primary' }]);
});
