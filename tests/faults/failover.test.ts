/**
 * Failovers of a real cluster on process proof (F1), while a client writes through the rw service in async mode: the primary's engine
 * dies or hangs, its agent lives. Invariants as in the design: I1 one primary, I3 nothing acknowledged is lost, I9 nothing needless, I16 limits.
 */
import { MPDClusters } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import type { HaRecord, SwitchResult } from '@polarstack/ha';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createScene, patient, type Scene, signal } from '../cluster-manager/scene.ts';
import { connectAs, startWriter, type Writer } from '../cluster-manager/writer.ts';
import { ageOf, familyOf } from './engine-processes.ts';

const LIMIT_MS = 400_000;
/** A candidate must have run for this long (guard K7). */
const SETTLED_MS = 10_500;

describe.skipIf(missing('postgres') || missing('kubectl'))('failover on process proof', () => {
  let scene: Scene;
  let writer: Writer;

  beforeAll(async () => {
    scene = await createScene(2, 'fo');
    writer = await startWriter(await scene.login());
  }, LIMIT_MS);
  afterAll(async () => {
    await writer?.stop();
    await scene?.close();
  }, LIMIT_MS);

  const say = async (ha: Readonly<Record<string, unknown>>): Promise<void> => {
    const key = { namespace: 'default', name: scene.name };
    await scene.client.patch(MPDClusters, key, { type: 'merge', body: { spec: { ha } } });
  };
  const untilRecord = async (what: string, check: (record: HaRecord) => boolean): Promise<HaRecord> =>
    await waitFor(what, async () => ((now) => (check(now) ? now : undefined))(await scene.record()), patient);
  const postmaster = async (): Promise<number> => {
    const { primary } = await scene.record();
    return (await scene.engines())[await scene.podOf(primary)] ?? expect.fail('the primary has no engine');
  };
  /** Every engine has run for long enough to be elected. */
  const grown = async (): Promise<HaRecord> => {
    const record = await scene.settled();
    await waitFor(
      'engines that have run for a while',
      async () => {
        const pids = Object.values(await scene.engines());
        return pids.every((pid) => pid !== null && ageOf(pid) > SETTLED_MS) || undefined;
      },
      { ...patient, intervalMs: 200 },
    );
    return record;
  };
  const failovers = ({ results }: HaRecord): readonly SwitchResult[] =>
    results.filter(({ kind }) => kind === 'failover');

  /** Does something to the primary; answers the failover that came of it, once every instance is in its role again. */
  const failover = async (how: (postmaster: number, before: HaRecord) => Promise<void> | void) => {
    const before = await grown();
    const known = failovers(before).length;
    await writer.progress(50, signal);
    await how(await postmaster(), before);
    const after = await untilRecord('a failover', (now) => failovers(now).length > known && now.switch === undefined);
    await scene.settled();
    await writer.progress(20, signal);
    const result = failovers(after).at(-1) ?? expect.fail('no failover');
    return { before, result };
  };
  /** I3: every acknowledged row is on every instance. */
  const nothingLost = async (): Promise<void> => {
    const { rows } = await writer.stop();
    const { members } = await scene.settled();
    const { instances } = await scene.home.cluster(scene.name);
    const login = await scene.login();
    for (const { pod } of Object.values(members)) {
      const host = instances.find(({ name }) => name === pod)?.host ?? expect.fail(`no ${pod}`);
      await waitFor(
        `every row on ${pod}`,
        async () => {
          const client = await connectAs({ ...login, host });
          try {
            const found = await client.query<{ n: string }>('select n from written');
            const has = new Set(found.rows.map(({ n }) => Number(n)));
            const lost = rows.filter((row) => !has.has(row));
            if (lost.length > 0) throw new Error(`${lost.length} of ${rows.length} rows are not on ${pod}`);
            return true;
          } finally {
            await client.end();
          }
        },
        patient,
      );
    }
    writer = await startWriter(login);
  };

  test(
    'SIGKILL of the postmaster: a replica that has everything takes over, and the old primary follows it',
    async () => {
      const { before, result } = await failover((pid) => void process.kill(pid, 'SIGKILL'));
      expect(result).toMatchObject({
        outcome: 'done',
        epoch: before.epoch + 1,
        from: before.primary,
        lostBytes: 0,
        cause: { verdict: 'dead', instance: before.primary },
      });
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'I16: the next one within the gap restarts the engine in place; lifted by a setting, it fails over again',
    async () => {
      await say({ minFailoverGapSeconds: 86_400 });
      await untilRecord('the setting', ({ settings }) => settings?.minFailoverGapMs === 86_400_000);
      const before = await grown();
      const pid = await postmaster();
      process.kill(pid, 'SIGKILL');
      await waitFor('a new engine', async () => ((await postmaster()) !== pid ? true : undefined), patient);
      expect(await scene.settled()).toMatchObject({ epoch: before.epoch, primary: before.primary });
      await writer.progress(20, signal);
      await say({ minFailoverGapSeconds: 0, maxFailovers: 1_000 });
      await untilRecord('the setting', ({ settings }) => settings?.minFailoverGapMs === 0);
      const { result } = await failover((engine) => void process.kill(engine, 'SIGKILL'));
      expect(result).toMatchObject({ outcome: 'done', from: before.primary, lostBytes: 0 });
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'every process of the engine is stopped: it hangs, is ended, and a replica takes over',
    async () => {
      const { before, result } = await failover((pid) => {
        for (const one of familyOf(pid)) process.kill(one, 'SIGSTOP');
      });
      expect(result).toMatchObject({ outcome: 'done', from: before.primary, lostBytes: 0, cause: { verdict: 'hung' } });
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'I8: the cluster manager is killed while the failover stands; the next one ends it',
    async () => {
      const { before, result } = await failover(async (pid, { results: { length } }) => {
        const manager = scene.managerPid() ?? expect.fail('no cluster manager');
        process.kill(pid, 'SIGKILL');
        await untilRecord('an intent', ({ switch: running, results }) => {
          const stands = running?.kind === 'failover' || results.length > length;
          if (stands) process.kill(manager, 'SIGKILL');
          return stands;
        });
      });
      expect(result).toMatchObject({ outcome: 'done', from: before.primary, lostBytes: 0 });
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'I9: mode manual, the death of a replica and of the cluster manager make no failover',
    async () => {
      await say({ mode: 'manual' });
      await untilRecord('the setting', ({ settings }) => settings?.mode === 'manual');
      const before = await grown();
      const pid = await postmaster();
      process.kill(pid, 'SIGKILL');
      await waitFor('a new engine', async () => ((await postmaster()) !== pid ? true : undefined), patient);
      await scene.settled();
      await say({ mode: 'auto' });
      await untilRecord('the setting', ({ settings }) => settings?.mode === undefined);
      for (const [pod, engine] of Object.entries(await scene.engines()))
        if (pod !== (await scene.podOf(before.primary))) process.kill(engine ?? 0, 'SIGKILL');
      process.kill(scene.managerPid() ?? expect.fail('no cluster manager'), 'SIGKILL');
      await writer.progress(50, signal);
      const after = await scene.settled();
      expect(after).toMatchObject({ epoch: before.epoch, primary: before.primary });
      expect(failovers(after)).toHaveLength(failovers(before).length);
      await nothingLost();
    },
    LIMIT_MS,
  );
});
