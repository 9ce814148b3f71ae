import { annotations, type MPDCluster } from '@polarstack/api';
import { type FailoverEntry, type HaRecord, newRecord } from '@polarstack/ha';
import { expect, test } from 'vitest';
import { pauseMarks, resumeMarks } from './ha-marks.ts';

const now = new Date('2026-05-01T12:00:00.000Z');
const marked = (marks: Readonly<Record<string, string>>): Pick<MPDCluster, 'metadata'> => ({
  metadata: { name: 'demo', annotations: marks },
});
const record: HaRecord = newRecord({
  cluster: { namespace: 'default', name: 'demo', uid: 'u' },
  primary: 'a',
  pods: { a: 'pa', b: 'pb' },
  now,
});
const failovers = (count: number): readonly FailoverEntry[] =>
  Array.from({ length: count }, (_, i) => ({ at: `2026-05-01T11:5${i + 5}:00.000Z`, from: 'a', to: 'b' }));
const paused = { [annotations.failoverPaused]: '2026-05-01T10:00:00.000Z ada' };

test('a pause says when and who; one that stands keeps its author', () => {
  expect(pauseMarks(marked({}), now, 'kurt').change).toEqual({
    [annotations.failoverPaused]: '2026-05-01T12:00:00.000Z kurt',
  });
  const again = pauseMarks(marked(paused), now, 'kurt');
  expect(again.change).toBeUndefined();
  expect(again.isHeeded(record)).toBe(false);
  expect(again.isHeeded({ ...record, settings: { paused: { failover: { by: 'ada', at: '' } } } })).toBe(true);
});

test('I16: the end of a pause forgets no failover that counts', () => {
  const one = { ...record, failovers: failovers(1) };
  const marks = resumeMarks(marked(paused), one, now, 'kurt');
  expect(marks.change).toEqual({ [annotations.failoverPaused]: null });
  expect(marks.isHeeded(one)).toBe(true);
  expect(resumeMarks(marked({}), one, now, 'kurt').change).toBeUndefined();
});

test('a suspension is ended by its own mark, and heeded when the record has it', () => {
  const full = { ...record, failovers: failovers(3) };
  const marks = resumeMarks(marked(paused), full, now, 'kurt');
  expect(marks.change).toEqual({
    [annotations.failoverPaused]: null,
    [annotations.failoverResumed]: '2026-05-01T12:00:00.000Z kurt',
  });
  expect(marks.isHeeded(full)).toBe(false);
  const resumed = { failover: { by: 'kurt', at: now.toISOString() } };
  expect(marks.isHeeded({ ...full, settings: { resumed } })).toBe(true);
});
