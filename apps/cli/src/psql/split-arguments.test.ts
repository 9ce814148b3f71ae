import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitPsqlArguments } from './split-arguments.ts';

const split = (line: string): string => splitPsqlArguments(line.split(' ')).join(' ');

test.each([
  ['psql demo', 'psql demo'],
  ['psql demo --ro -tc select', 'psql demo --ro -- -tc select'],
  ['psql demo -tAc select --ro', 'psql demo --ro -- -tAc select'],
  ['psql demo -A -o file -c a -f b -c d', 'psql demo -- -A -o file -c a -f b -c d'],
  ['psql demo -v n=1 --set x=2 --home /h', 'psql demo --home /h -- -v n=1 --set x=2'],
  ['psql demo -n other -X', 'psql demo -n other -- -X'],
  ['psql demo --namespace=other -Xn', 'psql demo --namespace=other -- -Xn'],
  // A value of psql's is never taken for an option of ours, and the other way round.
  ['psql demo -c --ro', 'psql demo -- -c --ro'],
  ['psql demo -c--ro --ro', 'psql demo --ro -- -c--ro'],
  ['psql demo --home -t -q', 'psql demo --home -t -- -q'],
  ['psql demo --ro -t -- -n -h host --ro', 'psql demo --ro -- -t -n -h host --ro'],
  ['psql demo --', 'psql demo'],
  ['psql demo postgres', 'psql demo -- postgres'],
  ['psql demo -h', 'psql demo -h'],
  ['psql demo -c', 'psql demo -- -c'],
  // What stands before the cluster is read as ever.
  ['--home /h psql --ro -c a demo -t', '--home /h psql --ro -c a demo -- -t'],
  ['-o json psql demo -q', '-o json psql demo -- -q'],
  ['psql', 'psql'],
  ['psql --ro', 'psql --ro'],
  ['psql -- demo', 'psql -- demo'],
  // Other commands.
  ['logs psql -f', 'logs psql -f'],
  ['--namespace psql list -t', '--namespace psql list -t'],
])('%s', (line, expected) => {
  expect(split(line)).toBe(expected);
});

test('nothing is lost, and psql gets its words in their order', () => {
  const word = fc.constantFrom(
    '-t',
    '-tc',
    'select 1',
    '--ro',
    '-n',
    'x',
    '--home=/h',
    '-v',
    'a=1',
    '--pset',
    '-',
    '-h',
  );
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const result = splitPsqlArguments(['psql', 'demo', ...words]);
      expect(result.slice(0, 2)).toEqual(['psql', 'demo']);
      const at = result.indexOf('--');
      const psqls = at < 0 ? [] : result.slice(at + 1);
      const mine = result.slice(2, at < 0 ? undefined : at);
      expect([...mine, ...psqls].sort()).toEqual([...words].sort());
      for (const part of [mine, psqls]) {
        let from = -1;
        for (const each of part) {
          from = words.findIndex((known, index) => index > from && known === each);
          expect(from).toBeGreaterThanOrEqual(0);
        }
      }
    }),
  );
});
