import { PassThrough } from 'node:stream';
import type { MPDCluster, MPDOperation } from '@polarstack/api';
import { asIf } from '@polarstack/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createColors } from '../output/colors.ts';
import { mergePatch } from './apply.ts';
import { createOperationView, pictureOf } from './operation-view.ts';
import { wishesOf } from './spec-operation.ts';

const instance = (insType: 'rw' | 'ro') => ({ insType, installed: true, podName: `p-${insType}`, physicalInsId: '1' });
const cluster = {
  metadata: { name: 'demo', namespace: 'default', uid: 'u' },
  spec: {
    dbClusterType: 'local',
    followerNum: 1,
    classInfo: { className: 'local.small' },
    parameters: { work_mem: '4MB' },
    localStore: { size: '10Gi' },
  },
  status: {
    logicId: '1',
    leaderInstanceId: '2',
    insClassInfo: { className: 'local.small' },
    appliedSpec: { parameters: { work_mem: '4MB' }, localStore: { size: '10Gi' } },
    dbInstanceStatus: {
      '2': { ...instance('rw'), insId: '2' },
      '3': { ...instance('ro'), insId: '3', physicalInsId: '2' },
    },
  },
} as unknown as MPDCluster;

describe('a spec that asks for several things', () => {
  const types = (patch: object): readonly string[] =>
    wishesOf(asIf(cluster, JSON.stringify(patch))).map(({ type }) => type);

  test.each<[object, string[]]>([
    [{}, []],
    [{ description: 'x' }, []],
    [{ followerNum: 3 }, ['AddRo']],
    [{ parameters: { work_mem: null } }, ['FlushParams']],
    [
      {
        classInfo: { className: 'local.large' },
        parameters: { jit: 'off' },
        followerNum: 0,
        localStore: { size: '20Gi' },
      },
      ['ModifyClass', 'FlushParams', 'RemoveRo', 'ExtendStorage'],
    ],
  ])('%j: %j, in the order of the operator', (patch, expected) => expect(types(patch)).toEqual(expected));
});

describe('merge patch', () => {
  const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    node: fc.oneof({ depthSize: 'small' }, fc.string(), fc.integer(), fc.array(fc.integer()), tie('object')),
    object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('node'), { noNullPrototype: true }),
  })).object;

  test('the patch between two specs makes the one of the other', () => {
    fc.assert(
      fc.property(value, value, (before, after) => {
        const patch = mergePatch(before as object, after as object);
        const of = { ...cluster, spec: before as MPDCluster['spec'] };
        expect(asIf(of, JSON.stringify(patch)).spec).toEqual(after);
      }),
    );
  });
});

describe('the view of an operation', () => {
  const at = (second: number): string => `2026-01-01T00:00:0${second}Z`;
  const step = (name: string, more: object) => ({ name, attempts: 1, ...more });
  const operation = {
    metadata: { name: 'op' },
    spec: { type: 'ModifyClass' },
    status: {
      phase: 'Running',
      steps: [
        step('CheckClass', { state: 'Succeeded', startedAt: at(0), finishedAt: at(1) }),
        step('RecreatePod-3', { state: 'Running', startedAt: at(1), message: 'waits for the agent' }),
        ...['SwitchPrimary-3', 'RecreatePod-2', 'RecordClass', 'Verify', 'Update'].map((name) =>
          step(name, { state: 'Pending' }),
        ),
      ],
    },
  } as unknown as MPDOperation;

  test('what runs with its time, and the next ones', () => {
    expect(pictureOf(operation, Date.parse(at(4)), '*').map(({ text }) => text)).toEqual([
      '* 2/7 RecreatePod-3  3.0 s  waits for the agent',
      '  3/7 SwitchPrimary-3',
      '  4/7 RecreatePod-2',
      '  5/7 RecordClass',
      '  6/7 Verify',
      '  and 1 more',
    ]);
  });

  test('on a terminal it is redrawn in place and goes at the end; elsewhere only what ended is written', () => {
    const written = (isTTY: boolean): string => {
      const stdout = Object.assign(new PassThrough(), { isTTY, columns: 60 });
      const io = { stdout, stderr: stdout, confirm: async () => undefined, readInput: async () => '' };
      const view = createOperationView(io, createColors(false), () => Date.parse(at(4)));
      view.show(operation);
      view.show(operation);
      view.end();
      return String(stdout.read() ?? '');
    };
    expect(written(false)).toBe('✔ CheckClass  1.0 s\n');
    const live = written(true);
    expect(live.match(/✔ CheckClass/g)).toHaveLength(1);
    // Each drawing is taken away: the last thing is the way back up over its six lines.
    expect(live.endsWith('\u001b[6A\r\u001b[J')).toBe(true);
    expect(live.split('RecreatePod-3')).toHaveLength(3);
  });
});
