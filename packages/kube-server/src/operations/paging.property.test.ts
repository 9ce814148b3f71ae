import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { arrayAt, type JsonObject, stringAt, valueAt } from '../json.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';

let server: TestServer;
beforeEach(async () => {
  // Little is remembered, and states are kept for pages for no time: both ways of a page are taken.
  const store = createMemoryStore({ historyLimit: { events: 6, bytes: 1_000_000 } });
  server = await startTestServer({ store, server: { pageMs: 0 } });
});
afterEach(async () => await server.stop());

const names = ['a', 'aa', 'a-a', 'a.a', 'b', 'b0', 'c', 'd'] as const;
const write = fc.record({
  name: fc.constantFrom(...names),
  what: fc.constantFrom('put', 'label', 'delete'),
});
type Write = typeof write extends fc.Arbitrary<infer T> ? T : never;

async function apply(path: string, { name, what }: Write): Promise<void> {
  if (what === 'delete') await server.admin.call('DELETE', `${path}/${name}`);
  else {
    const labels = what === 'label' ? { on: 'yes' } : {};
    const made = await server.admin.call('POST', path, { metadata: { name, labels } });
    if (made.code === 409) await server.admin.call('PUT', `${path}/${name}`, { metadata: { name, labels } });
  }
}

const get = async (path: string, query: Readonly<Record<string, string>>): Promise<JsonObject> =>
  (await server.admin.call('GET', `${path}?${new URLSearchParams(query).toString()}`)).body;
const shown = (body: JsonObject) => arrayAt(body, 'items').map((item) => stringAt(item, 'metadata', 'name') ?? '');
const expected = { code: 410, reason: 'Expired' };

it('pages joined are the list of the first page, or say that they cannot be (P1, P3)', async () => {
  let run = 0;
  let joined = 0;
  let expired = 0;
  const property = fc.asyncProperty(
    fc.array(write, { minLength: 4, maxLength: 16 }),
    fc.array(fc.array(write, { maxLength: 6 }), { maxLength: 6 }),
    fc.integer({ min: 1, max: 4 }),
    fc.boolean(),
    async (before, between, limit, selects) => {
      const namespace = `run-${run++}`;
      await server.admin.call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
      const path = `/api/v1/namespaces/${namespace}/configmaps`;
      for (const one of before) await apply(path, one);
      const query = { ...(selects ? { labelSelector: 'on=yes' } : {}) };
      const whole = shown(await get(path, query));
      const pages: string[] = [];
      let answer = await get(path, { ...query, limit: String(limit) });
      const version = valueAt(answer, 'metadata', 'resourceVersion');
      for (let i = 0; ; i++) {
        expect(shown(answer).length).toBeLessThanOrEqual(limit);
        pages.push(...shown(answer));
        const next = stringAt(answer, 'metadata', 'continue') ?? '';
        const remaining = valueAt(answer, 'metadata', 'remainingItemCount');
        expect(remaining).toBe(next === '' || selects ? undefined : whole.length - pages.length);
        if (next === '') break;
        for (const one of between[i] ?? []) await apply(path, one);
        answer = await get(path, { ...query, limit: String(limit), continue: next });
        if (answer.kind === 'Status') break;
        expect(valueAt(answer, 'metadata', 'resourceVersion')).toBe(version);
      }
      if (answer.kind !== 'Status') {
        joined++;
        expect(pages).toEqual(whole);
        return;
      }
      expired++;
      expect(answer).toMatchObject(expected);
      // What goes on in the present shows nothing that the pages before have shown, and all that lies behind them.
      const rest = await get(path, { ...query, continue: stringAt(answer, 'metadata', 'continue') ?? '' });
      const now = shown(await get(path, query));
      const reached = pages.at(-1) ?? '';
      expect(shown(rest).every((name) => !pages.includes(name))).toBe(true);
      if (!selects) expect(shown(rest)).toEqual(now.filter((name) => name > reached));
    },
  );
  // Small pages with many writes between them: the state of the first is not kept that long.
  const made = names.map((name): Write => ({ name, what: 'put' }));
  const busy = Array.from({ length: 6 }, () => made.map(({ name }): Write => ({ name, what: 'label' })));
  await fc.assert(property, { numRuns: 60, examples: [[made, busy, 1, false]] });
  // Both ends were seen, or the property says little.
  expect(joined).toBeGreaterThan(0);
  expect(expired).toBeGreaterThan(0);
});
