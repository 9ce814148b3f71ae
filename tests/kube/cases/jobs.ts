import { expect } from 'vitest';
import { mergePatch } from '../api.ts';
import { topic } from '../case.ts';
import { batch } from './workloads.ts';

const containers = [{ name: 'main', image: 'registry.example.com/web:1' }];
const template = { spec: { restartPolicy: 'Never', containers } };
const named = (name: string, spec: object): object => ({ metadata: { name }, spec });

export const jobCases = topic('jobs', {
  'are judged when they are made': async (api) => {
    const bad: readonly object[] = [
      { template: { spec: { containers } } },
      { template, completions: -1 },
      { template, parallelism: -1 },
      { template, completionMode: 'Sometimes' },
      { template, completionMode: 'Indexed', parallelism: 1 },
      { template, completionMode: 'Indexed', completions: 1, maxFailedIndexes: 2, backoffLimitPerIndex: 1 },
      { template, maxFailedIndexes: 1, completionMode: 'Indexed', completions: 5 },
      { template, backoffLimitPerIndex: 1 },
      { template, managedBy: 'nobody' },
      { template, ttlSecondsAfterFinished: -1 },
      { template, podReplacementPolicy: 'Sometimes' },
      { template, successPolicy: { rules: [] }, completionMode: 'Indexed', completions: 1 },
      { template, podFailurePolicy: { rules: [{ action: 'Perhaps', onExitCodes: { operator: 'In', values: [1] } }] } },
      { template, podFailurePolicy: { rules: [{ action: 'FailJob' }] } },
      { template, podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [0] } }] } },
      {
        template,
        podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [2, 1] } }] },
      },
      { template, manualSelector: true, selector: { matchLabels: { a: 'b' } } },
      { template: { ...template, metadata: { labels: { 'job-name': 'other' } } } },
    ];
    for (const spec of bad) {
      const answer = await api.call('POST', batch(api, 'jobs'), named('bad', spec));
      expect(answer.body, JSON.stringify(spec)).toMatchObject({ code: 422, reason: 'Invalid' });
    }
    const dotted = await api.call('POST', batch(api, 'jobs'), named('dotted.name', { template }));
    expect(dotted.warnings).toHaveLength(1);
  },

  'a failure policy and an index are kept': async (api) => {
    const made = await api.call(
      'POST',
      batch(api, 'jobs'),
      named('one', {
        template,
        completions: 3,
        parallelism: 2,
        completionMode: 'Indexed',
        backoffLimitPerIndex: 2,
        podFailurePolicy: {
          rules: [
            { action: 'FailJob', onExitCodes: { operator: 'In', values: [3, 42] } },
            { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
          ],
        },
      }),
    );
    expect(made.code).toBe(201);
  },

  'little may change later': async (api) => {
    const path = batch(api, 'jobs');
    await api.quiet('POST', path, named('one', { template }));
    for (const spec of [
      { completions: 3 },
      { completionMode: 'Indexed' },
      { template: { spec: { containers: [{ name: 'main', image: 'other' }] } } },
      { selector: { matchLabels: { a: 'b' } } },
      { backoffLimitPerIndex: 3 },
    ]) {
      const answer = await api.brief('PATCH', `${path}/one`, { spec }, mergePatch);
      expect(answer.body, JSON.stringify(spec)).toMatchObject({ code: 422, reason: 'Invalid' });
    }
    for (const spec of [{ suspend: true }, { parallelism: 3 }, { backoffLimit: 1 }]) {
      expect((await api.call('PATCH', `${path}/one`, { spec }, mergePatch)).code, JSON.stringify(spec)).toBe(200);
    }
    const moved = { spec: { template: { spec: { nodeSelector: { disk: 'fast' } } } } };
    expect((await api.call('PATCH', `${path}/one`, moved, mergePatch)).code).toBe(200);
  },

  'leave their pods behind unless told otherwise': async (api) => {
    for (const path of [batch(api, 'jobs'), api.core('replicationcontrollers')]) {
      const spec = path.endsWith('jobs')
        ? { template }
        : { template: { metadata: { labels: { a: 'b' } }, spec: { containers } } };
      await api.quiet('POST', path, named('one', spec));
      const deleted = await api.call('DELETE', `${path}/one`);
      expect(deleted.body).toMatchObject({ metadata: { finalizers: ['orphan'] } });
      await api.until(`${path}/one`, ({ code }) => code === 404);
    }
    await api.quiet('POST', batch(api, 'jobs'), named('two', { template }));
    const at = await api.call('DELETE', batch(api, 'jobs/two'), { propagationPolicy: 'Background' });
    expect(at.body).toMatchObject({ status: 'Success' });
  },

  'schedules are read': async (api) => {
    const path = batch(api, 'cronjobs');
    const jobTemplate = { spec: { template } };
    for (const schedule of [
      'x',
      '* * * *',
      '61 * * * *',
      '*/0 * * * *',
      '5-1 * * * *',
      'a-b * * * *',
      '*/x * * * *',
      '1/2/3 * * * *',
      '1-2-3 * * * *',
      '* * 0 * *',
      '* * * * 8',
      '* * * FOO *',
      '-5 * * * *',
      '@never',
      '@every x',
      '@every 5',
      'TZ=UTC * * * * *',
      'CRON_TZ=Europe/Berlin 0 0 * * *',
    ]) {
      const answer = await api.call('POST', path, named('bad', { schedule, jobTemplate }));
      expect(answer.body, schedule).toMatchObject({ code: 422, reason: 'Invalid' });
    }
    for (const [i, schedule] of [
      '*/5 * * * *',
      '0-30/10,45 1,13 ? JAN-MAR MON-FRI',
      '@hourly',
      '@every 1h30m',
      '5/10 * * * *',
      '0 0 1 * sun',
    ].entries()) {
      const answer = await api.call('POST', path, named(`good-${i}`, { schedule, jobTemplate }));
      expect(answer.code, schedule).toBe(201);
    }
    for (const timeZone of ['Mars/Olympus', '', '../x', 'a b', 'Local', '-x']) {
      const answer = await api.call('POST', path, named('bad', { schedule: '@daily', timeZone, jobTemplate }));
      expect(answer.body, timeZone).toMatchObject({ code: 422, reason: 'Invalid' });
    }
    const zoned = await api.call(
      'POST',
      path,
      named('zoned', { schedule: '@daily', timeZone: 'Europe/Berlin', jobTemplate }),
    );
    expect(zoned.code).toBe(201);
    const bad: readonly object[] = [
      { schedule: '@daily', jobTemplate, concurrencyPolicy: 'Sometimes' },
      { schedule: '@daily', jobTemplate, failedJobsHistoryLimit: -1 },
      { schedule: '@daily', jobTemplate, startingDeadlineSeconds: -1 },
      { schedule: '@daily', jobTemplate: { spec: { template, selector: { matchLabels: { a: 'b' } } } } },
      { schedule: '@daily', jobTemplate: { spec: { template, manualSelector: true } } },
      { schedule: '@daily', jobTemplate: { spec: { template: { spec: { containers } } } } },
    ];
    for (const spec of bad) {
      const answer = await api.call('POST', path, named('bad', spec));
      expect(answer.body, JSON.stringify(spec)).toMatchObject({ code: 422, reason: 'Invalid' });
    }
    const long = await api.call('POST', path, named('x'.repeat(53), { schedule: '@daily', jobTemplate }));
    expect(long.code).toBe(422);
  },
});
