import { describe, expect, it } from 'vitest';
import { compareTranscripts, type Deviation } from './compare.ts';

const owner = (manager: string, time: string | undefined, more: object = {}) => ({
  manager,
  operation: 'Update',
  ...(time === undefined ? {} : { time: `2026-01-01T00:00:0${time}Z` }),
  ...more,
});

function compare(ours: readonly object[], real: readonly object[]): readonly Deviation[] {
  const told = (managedFields: readonly object[]) => [
    { asked: 'GET /x', answered: { body: { metadata: { managedFields } } } },
  ];
  return compareTranscripts(told(ours), told(real));
}

describe('the comparison of owners', () => {
  it('takes no notice of a second that ends between two writes', () => {
    expect(compare([owner('b', '1'), owner('a', '2')], [owner('a', '1'), owner('b', '1')])).toEqual([]);
    expect(
      compare(
        [owner('c', undefined), owner('b', '1'), owner('a', '2')],
        [owner('c', undefined), owner('a', '4'), owner('b', '4')],
      ),
    ).toEqual([]);
  });

  it('shows a list that is not in the order of its times', () => {
    expect(compare([owner('a', '2'), owner('b', '1')], [owner('b', '1'), owner('a', '2')])).toHaveLength(1);
    expect(compare([owner('b', '1'), owner('a', '1')], [owner('a', '1'), owner('b', '1')])).toHaveLength(1);
  });

  it('shows times that only one has, other managers, and other fields', () => {
    expect(compare([owner('a', '1')], [owner('a', undefined)])).toMatchObject([
      { where: '1 GET /x: body.metadata.managedFields[0].time', ours: '<time>', real: undefined },
    ]);
    expect(compare([owner('a', '1')], [owner('b', '1')])).toHaveLength(1);
    expect(compare([owner('b', '1'), owner('a', '2')], [owner('a', '1', { fieldsV1: {} }), owner('b', '1')])).toEqual([
      { where: '1 GET /x: body.metadata.managedFields[0].fieldsV1', ours: undefined, real: {} },
    ]);
  });
});
