import type { MPDCluster, MPDOperation } from '@polarstack/api';
import { describe, expect, test } from 'vitest';
import type { SwitchHistory } from './switch-facts.ts';
import { type WhyLevel, why } from './why.ts';

const now = new Date('2026-03-01T12:00:00Z');
const minutesAgo = (minutes: number): string => new Date(now.getTime() - minutes * 60_000).toISOString();

interface Conditions {
  readonly [type: string]: readonly [status: 'True' | 'False', reason: string, message: string];
}

const well: Conditions = {
  Accepted: ['True', 'Valid', 'the spec can be carried out'],
  Available: ['True', 'PrimaryReady', 'the primary accepts writes'],
  Degraded: ['False', 'AllInstancesReady', 'nothing is missing'],
  Ready: ['True', 'AllInstancesReady', 'the primary and all replicas work'],
};

function clusterOf(conditions: Conditions = {}, metadata: Partial<MPDCluster['metadata']> = {}): MPDCluster {
  return {
    apiVersion: 'mpd.polardb.aliyun.com/v1',
    kind: 'MPDCluster',
    metadata: { name: 'demo', namespace: 'default', uid: 'u', ...metadata },
    spec: {
      operatorName: 'polar-mpd',
      dbClusterType: 'local',
      followerNum: 1,
      classInfo: { className: 'local.small' },
      deletionProtection: false,
    },
    status: {
      instances: '2/2',
      dbInstanceStatus: { '1002': { installed: true } },
      conditions: Object.entries({ ...well, ...conditions }).map(([type, [status, reason, message]]) => ({
        type,
        status,
        reason,
        message,
        lastTransitionTime: minutesAgo(5),
      })),
    },
  };
}

function operationOf(
  name: string,
  type: string,
  status: MPDOperation['status'],
  spec: Partial<MPDOperation['spec']> = {},
  created = minutesAgo(10),
): MPDOperation {
  return {
    apiVersion: 'mpd.polardb.aliyun.com/v1',
    kind: 'MPDOperation',
    metadata: { name, namespace: 'default', creationTimestamp: created },
    spec: { cluster: 'demo', type, planOnly: false, ...spec },
    ...(status && { status }),
  };
}

const full = { code: 'DiskFull', message: 'no space left on node-2', remedy: 'Free space on the volume.' };
const interrupted = operationOf('op-1', 'RestartIns', {
  phase: 'Interrupted',
  steps: [
    { name: 'CheckInstance', state: 'Succeeded', attempts: 1 },
    { name: 'RestartEngine-1004', state: 'Failed', attempts: 5, startedAt: minutesAgo(4), error: full },
  ],
});
const running = operationOf('op-2', 'SwitchRw', {
  phase: 'Running',
  startedAt: minutesAgo(1),
  steps: [{ name: 'SwitchPrimary-1004', state: 'Running', attempts: 1, message: 'waits for the cluster manager' }],
});
const failing = operationOf('op-2', 'SwitchRw', {
  phase: 'Running',
  startedAt: minutesAgo(1),
  steps: [{ name: 'SwitchPrimary-1004', state: 'Running', attempts: 3, error: full }],
});
const toApprove = operationOf(
  'op-3',
  'RestartCluster',
  { phase: 'Pending' },
  {
    approval: { required: true, approved: false },
  },
);
const queued = operationOf('op-4', 'FlushParams', { phase: 'Pending' }, {}, minutesAgo(2));
const refused = operationOf('op-5', 'SwitchRw', {
  phase: 'Failed',
  finishedAt: minutesAgo(3),
  error: { code: 'NoSwitchTarget', message: 'RO 1004 does not stream', remedy: 'Mend the RO.' },
});

const cases: readonly {
  readonly title: string;
  readonly cluster: MPDCluster;
  readonly operations?: readonly MPDOperation[];
  readonly switches?: SwitchHistory;
  readonly level: WhyLevel;
  readonly sentence: string;
}[] = [
  {
    title: 'nothing is wrong',
    cluster: clusterOf(),
    level: 'fine',
    sentence: 'demo: nothing is wrong, all instances work (2/2).',
  },
  {
    title: 'an interrupted operation: its step, code, remedy and how to go on',
    cluster: clusterOf(),
    operations: [interrupted],
    level: 'wrong',
    sentence:
      'demo: RestartIns (op-1) stopped at step 2/2 RestartEngine-1004 with DiskFull: no space left on node-2, since 4 min; ' +
      'what helps: free space on the volume; then `polarstack operation resume op-1`, or `operation cancel op-1`.',
  },
  {
    title: 'an operation under way',
    cluster: clusterOf({ Ready: ['False', 'OperationUnderWay', 'operation SwitchRw is not finished'] }),
    operations: [running],
    level: 'busy',
    sentence:
      'demo: SwitchRw (op-2) is under way at step 1/1 SwitchPrimary-1004: waits for the cluster manager, since 60 s.',
  },
  {
    title: 'an operation that tries a step again',
    cluster: clusterOf(),
    operations: [failing],
    level: 'busy',
    sentence:
      'demo: SwitchRw (op-2) is under way at step 1/1 SwitchPrimary-1004, attempt 3 after DiskFull: no space left on node-2, ' +
      'since 60 s; what helps: free space on the volume.',
  },
  {
    title: 'one that waits for approval',
    cluster: clusterOf(),
    operations: [toApprove],
    level: 'waits',
    sentence:
      'demo: RestartCluster (op-3) waits for approval, since 10 min; what helps: `polarstack operation show op-3` shows ' +
      'the plan, `polarstack operation approve op-3` lets it begin.',
  },
  {
    title: 'a paused one',
    cluster: clusterOf(),
    operations: [operationOf('op-6', 'SwitchRw', { phase: 'Paused' })],
    level: 'waits',
    sentence:
      'demo: SwitchRw (op-6) is paused, since 10 min; what helps: `polarstack operation resume op-6` lets it go on.',
  },
  {
    title: 'a spec that is not carried out',
    cluster: clusterOf({ Accepted: ['False', 'ClassUnknown', 'spec.classInfo.className: no class local.huge.'] }),
    level: 'wrong',
    sentence:
      'demo: its spec is not carried out: spec.classInfo.className: no class local.huge, since 5 min; what helps: ' +
      'choose one of the classes that the message lists, or add it to the catalog.',
  },
  {
    title: 'a RW that takes no writes is worse than a RO that is gone',
    cluster: clusterOf({
      Available: ['False', 'PrimaryNotReady', 'demo-1001-1002: its agent does not answer'],
      Degraded: ['True', 'InstanceNotReady', 'demo-1001-1002: its agent does not answer; demo-1003-1004: no pod'],
    }),
    level: 'wrong',
    sentence:
      'demo: it takes no writes: demo-1001-1002: its agent does not answer, since 5 min; what helps: look at the log of ' +
      'the RW (`polarstack logs`), or switch to a RO that works (`polarstack switchover`).',
  },
  {
    title: 'a lost authority',
    cluster: clusterOf({ Degraded: ['True', 'AuthorityMissing', 'Secret demo-ca is gone'] }),
    level: 'wrong',
    sentence:
      'demo: it is degraded: Secret demo-ca is gone, since 5 min; what helps: restore the Secret that the message names ' +
      'from a backup. Until then no certificate is renewed or issued again.',
  },
  {
    title: 'a degraded RO',
    cluster: clusterOf({ Degraded: ['True', 'InstanceNotReady', 'demo-1003-1004: it does not stream'] }),
    level: 'wrong',
    sentence:
      'demo: it is degraded: demo-1003-1004: it does not stream, since 5 min; what helps: look at the log of its pod; ' +
      'the operation goes on by itself when the instance works.',
  },
  {
    title: 'a cluster that is being deleted',
    cluster: clusterOf({}, { deletionTimestamp: minutesAgo(1) }),
    level: 'busy',
    sentence: 'demo: it is being deleted, since 60 s.',
  },
  {
    title: 'a deletion that is refused',
    cluster: clusterOf(
      { DeletionRefused: ['True', 'DeletionProtected', 'spec.deletionProtection is true'] },
      { deletionTimestamp: minutesAgo(1) },
    ),
    level: 'wrong',
    sentence:
      'demo: its deletion is refused: spec.deletionProtection is true, since 60 s; what helps: set spec.deletionProtection ' +
      'to false if it is really to go; the deletion then goes on by itself.',
  },
  {
    title: 'a deletion that stopped',
    cluster: clusterOf({}, { deletionTimestamp: minutesAgo(9) }),
    operations: [
      operationOf('del', 'Delete', {
        phase: 'Interrupted',
        steps: [{ name: 'StopEngines', state: 'Failed', attempts: 9, startedAt: minutesAgo(2), error: full }],
      }),
    ],
    level: 'wrong',
    sentence:
      'demo: Delete (del) stopped at step 1/1 StopEngines with DiskFull: no space left on node-2, since 2 min; what helps: ' +
      'free space on the volume; then `polarstack operation resume del`.',
  },
  {
    title: 'an operation that was refused is news',
    cluster: clusterOf(),
    operations: [refused],
    level: 'fine',
    sentence:
      'demo: nothing is wrong, all instances work (2/2); lately: SwitchRw (op-5) was refused with NoSwitchTarget: RO 1004 ' +
      'does not stream, since 3 min; what helps: mend the RO.',
  },
  {
    title: 'a switch that the cluster manager refused is news',
    cluster: clusterOf(),
    switches: {
      results: [
        { id: 'a', outcome: 'done', at: minutesAgo(20) },
        {
          id: 'b',
          outcome: 'refused',
          code: 'NoSwitchTarget',
          message: '1004 lags',
          remedy: 'Wait.',
          at: minutesAgo(4),
        },
      ],
    },
    level: 'fine',
    sentence:
      'demo: nothing is wrong, all instances work (2/2); lately: the last switch of the RW was refused with NoSwitchTarget: ' +
      '1004 lags, since 4 min; what helps: wait.',
  },
  {
    title: 'a new cluster that nobody has looked at',
    cluster: { ...clusterOf(), status: {} },
    level: 'waits',
    sentence:
      'demo: nobody has begun to make it yet; what helps: see whether an operator runs and serves it (spec.operatorName): ' +
      '`polarstack doctor`.',
  },
];

describe('why', () => {
  test.each(cases)('$title', ({ cluster, operations = [], switches, level, sentence }) => {
    const answer = why({ cluster, operations, now, ...(switches && { switches }) });
    expect([answer.level, answer.sentence]).toEqual([level, sentence]);
  });

  test('WH1: what a person must mend comes before what waits, and the queue is told in its order', () => {
    const { facts } = why({
      cluster: clusterOf({ Accepted: ['False', 'ClassUnknown', 'no class x'] }),
      operations: [queued, interrupted, toApprove],
      now,
    });
    expect(facts.map(({ level, subject }) => [level, subject])).toEqual([
      ['wrong', 'RestartIns (op-1)'],
      ['wrong', 'spec'],
      ['waits', 'RestartCluster (op-3)'],
      ['waits', 'FlushParams (op-4)'],
    ]);
    expect(facts.at(-1)?.what).toBe('FlushParams (op-4) waits for RestartIns (op-1)');
  });

  test('WH2: whatever is wrong comes with what helps', () => {
    for (const { cluster, operations = [] } of cases) {
      for (const fact of why({ cluster, operations, now }).facts) {
        if (fact.level === 'wrong') expect(fact.help, fact.what).toMatch(/\w/);
      }
    }
  });

  test('WH3: plans, other clusters, old news and what went well afterwards are not told', () => {
    const fine = operationOf('op-9', 'RestartIns', { phase: 'Succeeded', finishedAt: minutesAgo(1) });
    const plan = operationOf('op-7', 'SwitchRw', { phase: 'Failed', finishedAt: minutesAgo(1) }, { planOnly: true });
    const old = operationOf('op-8', 'SwitchRw', { phase: 'Failed', finishedAt: minutesAgo(3000) });
    const other = { ...interrupted, spec: { ...interrupted.spec, cluster: 'other' } };
    const elsewhere = { ...interrupted, metadata: { ...interrupted.metadata, namespace: 'elsewhere' } };
    for (const operations of [[plan], [old], [refused, fine], [other], [elsewhere]]) {
      expect(why({ cluster: clusterOf(), operations, now }).sentence).toBe(
        'demo: nothing is wrong, all instances work (2/2).',
      );
    }
  });
});
