import { expect } from 'vitest';
import { type Api, asTable, jsonPatch, mergePatch, strategicPatch } from '../api.ts';
import { topic } from '../case.ts';
import { at, listAt, textAt } from '../json.ts';

const labels = { app: 'web' };
const containers = [{ name: 'main', image: 'registry.example.com/web:1' }];
const template = { metadata: { labels }, spec: { containers } };
const selector = { matchLabels: labels };
const jobTemplate = { spec: { restartPolicy: 'Never', containers } };

export const apps = (api: Api, rest: string): string => `/apis/apps/v1/namespaces/${api.namespace}/${rest}`;
export const batch = (api: Api, rest: string): string => `/apis/batch/v1/namespaces/${api.namespace}/${rest}`;
const named = (name: string, spec: object) => ({ metadata: { name }, spec });

/** Makes an object, reads it in every form, writes it back, and takes it away. */
async function lifeOf(api: Api, path: string, object: object): Promise<void> {
  const dry = await api.call('POST', `${path}?dryRun=All`, object);
  expect(dry.code).toBe(201);
  expect((await api.quiet('GET', `${path}/one`)).code).toBe(404);
  expect((await api.call('POST', path, object)).code).toBe(201);
  expect((await api.call('POST', path, object)).body).toMatchObject({ code: 409, reason: 'AlreadyExists' });
  const read = await api.call('GET', `${path}/one`);
  const shown = await api.brief('GET', path, undefined, asTable);
  api.note(
    'columns',
    listAt(shown.body, 'columnDefinitions').map((column) => [
      at(column, 'name'),
      at(column, 'type'),
      at(column, 'priority'),
    ]),
  );
  const cells = listAt(shown.body, 'rows', 0, 'cells').map((cell) => (/^\d+s$/.test(String(cell)) ? '<age>' : cell));
  api.note('cells', cells);
  expect((await api.call('PUT', `${path}/one`, read.body)).code).toBe(200);
  const labelled = { metadata: { labels: { more: 'yes' } } };
  expect((await api.call('PATCH', `${path}/one`, labelled, strategicPatch)).code).toBe(200);
  await api.call('DELETE', `${path}/one`, { propagationPolicy: 'Background' });
}

export const workloadCases = topic('workloads', {
  'a Deployment: life': (api) => lifeOf(api, apps(api, 'deployments'), named('one', { selector, template })),
  'a ReplicaSet: life': (api) => lifeOf(api, apps(api, 'replicasets'), named('one', { selector, template })),
  'a StatefulSet: life': (api) =>
    lifeOf(
      api,
      apps(api, 'statefulsets'),
      named('one', {
        selector,
        template,
        serviceName: 'web',
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
      }),
    ),
  'a DaemonSet: life': (api) => lifeOf(api, apps(api, 'daemonsets'), named('one', { selector, template })),
  'a ControllerRevision: life': (api) =>
    lifeOf(api, apps(api, 'controllerrevisions'), { metadata: { name: 'one' }, revision: 3, data: { a: { b: 1 } } }),
  'a Job: life': (api) => lifeOf(api, batch(api, 'jobs'), named('one', { template: jobTemplate })),
  'a Job with labels: life': (api) =>
    lifeOf(api, batch(api, 'jobs'), named('one', { template: { ...jobTemplate, metadata: { labels } } })),
  'a CronJob: life': (api) =>
    lifeOf(
      api,
      batch(api, 'cronjobs'),
      named('one', { schedule: '*/5 * * * *', jobTemplate: { spec: { template: jobTemplate } } }),
    ),
  'a ReplicationController: life': (api) => lifeOf(api, api.core('replicationcontrollers'), named('one', { template })),
  'a PodTemplate: life': (api) => lifeOf(api, api.core('podtemplates'), { metadata: { name: 'one' }, template }),

  'selectors select the template': async (api) => {
    const other = { matchLabels: { app: 'db' } };
    for (const plural of ['deployments', 'replicasets', 'statefulsets', 'daemonsets']) {
      const path = apps(api, plural);
      for (const bad of [
        other,
        {},
        { matchLabels: { 'a b': 'c' }, matchExpressions: [] },
        { matchExpressions: [{ key: 'app', operator: 'Sometimes' }] },
        { matchExpressions: [{ key: 'app', operator: 'In' }] },
        { matchExpressions: [{ key: 'app', operator: 'Exists', values: ['x'] }] },
      ]) {
        const answer = await api.call('POST', path, named('one', { selector: bad, template }));
        expect(answer.body, `${plural} ${JSON.stringify(bad)}`).toMatchObject({ code: 422, reason: 'Invalid' });
      }
      await api.brief('POST', path, named('one', { template }));
      await api.brief('POST', path, named('one', {}));
      const expression = { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'db'] }] };
      expect((await api.call('POST', path, named('two', { selector: expression, template }))).code).toBe(201);
      const changed = await api.call('PATCH', `${path}/two`, { spec: { selector: other } }, mergePatch);
      expect(changed.body).toMatchObject({ code: 422, reason: 'Invalid' });
    }
  },

  'numbers, strategies and templates are judged': async (api) => {
    const deployments = apps(api, 'deployments');
    const refused = async (path: string, spec: object): Promise<void> => {
      const answer = await api.call('POST', path, named('bad', { selector, template, ...spec }));
      expect(answer.body, JSON.stringify(spec)).toMatchObject({ code: 422, reason: 'Invalid' });
    };
    await refused(deployments, { replicas: -1 });
    await refused(deployments, { minReadySeconds: -1 });
    await refused(deployments, { minReadySeconds: 600 });
    await refused(deployments, { revisionHistoryLimit: -1 });
    await refused(deployments, { strategy: { type: 'Never' } });
    await refused(deployments, { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } });
    await refused(deployments, { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } });
    await refused(deployments, { strategy: { rollingUpdate: { maxSurge: 'x' } } });
    await refused(deployments, { strategy: { rollingUpdate: { maxUnavailable: '101%' } } });
    await refused(deployments, { template: { ...template, spec: { containers, restartPolicy: 'Never' } } });
    await refused(deployments, { template: { ...template, spec: { containers, activeDeadlineSeconds: 5 } } });
    await refused(deployments, { template: { ...template, spec: { containers: [{ name: 'A_', image: 'x' }] } } });
    await refused(deployments, { template: { ...template, spec: { containers: [] } } });
    const daemons = apps(api, 'daemonsets');
    await refused(daemons, { updateStrategy: { type: 'Never' } });
    await refused(daemons, { updateStrategy: { rollingUpdate: { maxSurge: 1 } } });
    await refused(daemons, { updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } });
    const stateful = apps(api, 'statefulsets');
    await refused(stateful, { updateStrategy: { type: 'Never' } });
    await refused(stateful, { updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } });
    await refused(stateful, { updateStrategy: { rollingUpdate: { partition: -1 } } });
    await refused(stateful, { podManagementPolicy: 'Sometimes' });
    await refused(stateful, { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Perhaps' } });
    await refused(stateful, { serviceName: 'A_b' });
    await refused(stateful, { ordinals: { start: -1 } });
    for (const replicas of [1.5, '3', 3_000_000_000]) {
      const answer = await api.call('POST', deployments, named('bad', { selector, template, replicas }));
      expect(answer.body).toMatchObject({ code: 400, reason: 'BadRequest' });
    }
  },

  'what may change later': async (api) => {
    const stateful = apps(api, 'statefulsets');
    await api.quiet('POST', stateful, named('one', { selector, template, serviceName: 'web' }));
    const scaled = await api.call('PATCH', `${stateful}/one`, { spec: { replicas: 3 } }, strategicPatch);
    expect(scaled.body).toMatchObject({ spec: { replicas: 3 }, metadata: { generation: 2 } });
    const renamed = await api.call('PATCH', `${stateful}/one`, { spec: { serviceName: 'other' } }, strategicPatch);
    expect(renamed.body).toMatchObject({ code: 422, reason: 'Invalid' });
    const deployments = apps(api, 'deployments');
    await api.quiet('POST', deployments, named('one', { selector, template }));
    const noted = { metadata: { annotations: { note: 'x' } } };
    const annotated = await api.call('PATCH', `${deployments}/one`, noted, mergePatch);
    expect(annotated.body).toMatchObject({ metadata: { generation: 2 } });
    const image = { spec: { template: { spec: { containers: [{ name: 'main', image: 'other' }] } } } };
    expect((await api.call('PATCH', `${deployments}/one`, image, strategicPatch)).body).toMatchObject({
      metadata: { generation: 3 },
      spec: { template: { spec: { containers: [{ name: 'main', image: 'other', imagePullPolicy: 'IfNotPresent' }] } } },
    });
    const daemons = apps(api, 'daemonsets');
    await api.quiet('POST', daemons, named('one', { selector, template }));
    await api.call('PATCH', `${daemons}/one`, image, strategicPatch);
    const counter = { metadata: { annotations: { 'deprecated.daemonset.template.generation': '9' } } };
    await api.brief('PATCH', `${daemons}/one`, counter, mergePatch);
    await api.call('PATCH', `${daemons}/one`, { spec: { minReadySeconds: 3 } }, mergePatch);
  },

  'status is a resource of its own': async (api) => {
    const path = apps(api, 'deployments');
    const made = await api.quiet('POST', path, { ...named('one', { selector, template }), status: { replicas: 7 } });
    expect(made.body).toMatchObject({ status: {} });
    const times = { lastUpdateTime: '2026-01-01T00:00:00Z', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const status = {
      spec: { replicas: 9 },
      status: { replicas: 2, readyReplicas: 1, conditions: [{ type: 'Available', status: 'True', ...times }] },
    };
    const seen = await api.call('PATCH', `${path}/one/status`, status, mergePatch);
    expect(seen.body).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 2, readyReplicas: 1 } });
    expect((await api.call('GET', `${path}/one/status`)).body).toMatchObject({ status: { replicas: 2 } });
    const dry = await api.call('PATCH', `${path}/one/status?dryRun=All`, { status: { replicas: 5 } }, mergePatch);
    expect(dry.body).toMatchObject({ status: { replicas: 5 } });
    for (const bad of [{ replicas: -1 }, { readyReplicas: 9 }, { availableReplicas: 2 }]) {
      const answer = await api.call('PATCH', `${path}/one/status`, { status: bad }, mergePatch);
      expect(answer.body).toMatchObject({ code: 422, reason: 'Invalid' });
    }
    const conditions = { status: { conditions: [{ type: 'Available', status: 'False' }] } };
    await api.call('PATCH', `${path}/one/status`, conditions, strategicPatch);
    await api.call('PATCH', `${path}/one`, { status: { replicas: 1 } }, mergePatch);
    expect((await api.call('DELETE', `${path}/one/status`)).code).toBe(405);
  },

  'scale is read and written in its own kind': async (api) => {
    const kinds = [
      apps(api, 'deployments'),
      apps(api, 'replicasets'),
      apps(api, 'statefulsets'),
      api.core('replicationcontrollers'),
    ];
    for (const path of kinds) {
      const isPlain = path.includes('replicationcontrollers');
      await api.quiet('POST', path, named('one', { selector: isPlain ? labels : selector, template }));
      const scale = await api.call('GET', `${path}/one/scale`);
      expect(scale.body).toMatchObject({ kind: 'Scale', spec: { replicas: 1 }, status: { selector: 'app=web' } });
      const up = await api.call('PATCH', `${path}/one/scale`, { spec: { replicas: 4 } }, mergePatch);
      expect(up.body).toMatchObject({ kind: 'Scale', spec: { replicas: 4 } });
      expect((await api.call('GET', `${path}/one`)).body).toMatchObject({ spec: { replicas: 4 } });
      const dry = await api.call('PATCH', `${path}/one/scale?dryRun=All`, { spec: { replicas: 5 } }, mergePatch);
      expect(dry.body).toMatchObject({ spec: { replicas: 5 } });
      const negative = await api.call('PATCH', `${path}/one/scale`, { spec: { replicas: -1 } }, mergePatch);
      expect(negative.body).toMatchObject({ code: 422, reason: 'Invalid' });
      const stale = await api.call('PUT', `${path}/one/scale`, { ...scale.body, spec: { replicas: 6 } });
      expect(stale.body).toMatchObject({ code: 409, reason: 'Conflict' });
      await api.call('PUT', `${path}/one/scale`, {
        apiVersion: 'autoscaling/v1',
        kind: 'Scale',
        metadata: { name: 'one', namespace: api.namespace },
        spec: { replicas: 2 },
      });
      const body = [{ op: 'replace', path: '/spec/replicas', value: 3 }];
      expect((await api.call('PATCH', `${path}/one/scale`, body, jsonPatch)).code).toBe(200);
      expect((await api.call('GET', `${path}/none/scale`)).code).toBe(404);
      expect((await api.call('PATCH', `${path}/none/scale`, { spec: { replicas: 3 } }, mergePatch)).code).toBe(404);
      expect((await api.call('POST', `${path}/one/scale`, {})).code).toBe(405);
    }
    expect((await api.brief('GET', apps(api, 'daemonsets/one/scale'))).code).toBe(404);
  },

  'applied, with owners': async (api) => {
    const apply = { 'content-type': 'application/apply-patch+yaml' };
    const path = apps(api, 'deployments/one?fieldManager=me');
    const config = { apiVersion: 'apps/v1', kind: 'Deployment', ...named('one', { selector, template, replicas: 2 }) };
    expect((await api.call('PATCH', path, config, apply)).code).toBe(201);
    const scale = apps(api, 'deployments/one/scale');
    expect((await api.call('PATCH', scale, { spec: { replicas: 5 } }, mergePatch)).code).toBe(200);
    const conflict = await api.call('PATCH', path, { ...config, spec: { ...config.spec, replicas: 3 } }, apply);
    expect(conflict.body).toMatchObject({ code: 409, reason: 'Conflict' });
    const { replicas: _replicas, ...rest } = config.spec as Record<string, unknown>;
    expect((await api.call('PATCH', path, { ...config, spec: rest }, apply)).body).toMatchObject({
      spec: { replicas: 5 },
    });
  },

  'are discovered': async (api) => {
    for (const [path, kinds] of [
      ['/apis/apps/v1', undefined],
      ['/apis/batch/v1', undefined],
      ['/apis/policy/v1', undefined],
      ['/api/v1', /^(replicationcontrollers|podtemplates|pods)/],
    ] as const) {
      const list = await api.quiet('GET', path);
      const shown = listAt(list.body, 'resources').filter((r) => kinds?.test(textAt(r, 'name')) ?? true);
      api.note(
        path,
        shown
          .map((resource) => {
            const { storageVersionHash: _hash, ...entry } = resource as Record<string, unknown>;
            const name = textAt(entry, 'name');
            return { ...entry, name, verbs: listAt(entry, 'verbs').map(String).sort() };
          })
          .filter(({ name }) => !['pods/ephemeralcontainers', 'pods/resize', 'pods/proxy'].includes(name))
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      );
    }
    for (const group of ['apps', 'batch', 'policy']) {
      const found = await api.quiet('GET', `/apis/${group}`);
      api.note(group, at(found.body, 'preferredVersion'));
    }
  },

  'select by their fields': async (api) => {
    await api.quiet('POST', apps(api, 'replicasets'), named('one', { selector, template }));
    await api.quiet('POST', batch(api, 'jobs'), named('one', { template: jobTemplate }));
    for (const path of [
      apps(api, 'replicasets?fieldSelector=status.replicas%3D0'),
      apps(api, 'replicasets?fieldSelector=status.replicas%3D1'),
      api.core('replicationcontrollers?fieldSelector=status.replicas%3D1'),
      batch(api, 'jobs?fieldSelector=status.successful%3D0'),
      apps(api, 'deployments?fieldSelector=status.replicas%3D0'),
    ]) {
      const found = await api.brief('GET', path);
      api.note('found', listAt(found.body, 'items').length);
    }
  },

  'annotations that are numbers': async (api) => {
    const generation = 'deprecated.daemonset.template.generation';
    const rollback = 'deprecated.deployment.rollback.to';
    const texts = ['x', '', '1.5', '-1', '+2', '007', '9223372036854775807', '9223372036854775808', ' 1', '1_000'];
    const send = async (plural: string, annotation: string, text: string): Promise<void> => {
      const object = named('one', { selector, template });
      const annotations = { [annotation]: text };
      const answer = await api.call('POST', `${apps(api, plural)}?dryRun=All`, {
        ...object,
        metadata: { name: 'one', annotations },
      });
      if (text === 'x') expect(answer.body).toMatchObject({ code: 400, reason: 'BadRequest' });
    };
    for (const text of texts) {
      await send('daemonsets', generation, text);
      await send('deployments', rollback, text);
    }
    await api.quiet('POST', apps(api, 'daemonsets'), named('one', { selector, template }));
    const wrong = { metadata: { annotations: { [generation]: 'x' } } };
    const patched = await api.brief('PATCH', `${apps(api, 'daemonsets')}/one`, wrong, mergePatch);
    expect(patched.code).toBe(422);
    for (const cost of ['5', '-5', '', 'x', '+5', '05', '-0', '2147483647', '2147483648', '-2147483648']) {
      const annotations = { 'controller.kubernetes.io/pod-deletion-cost': cost };
      const pod = { metadata: { name: 'one', annotations }, spec: { containers: [{ name: 'main', image: 'host' }] } };
      await api.call('POST', `${api.core('pods')}?dryRun=All`, pod);
    }
  },
});
