import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrayAt, stringAt } from '../json.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.stop();
});

describe('a pod', () => {
  const refused = async (spec: object, ...fields: readonly string[]): Promise<void> => {
    const container = { name: 'c', image: 'host' };
    const answer = await server.admin.call('POST', '/api/v1/namespaces/default/pods', {
      metadata: { name: 'paths' },
      spec: { containers: [container], ...spec },
    });
    expect(answer.body).toMatchObject({ code: 422, reason: 'Invalid' });
    expect(arrayAt(answer.body, 'details', 'causes').map((cause) => stringAt(cause, 'field'))).toEqual(fields);
  };
  const withVolume = (fields: object) => ({ volumes: [{ name: 'v', ...fields }] });
  const mounting = (mount: object) => ({
    volumes: [{ name: 'v', emptyDir: {} }],
    containers: [{ name: 'c', image: 'host', volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] }],
  });

  it('has volumes with names that are no paths', async () => {
    for (const name of ['../../../rootdir', '..', '/etc', 'a/b', 'Upper', 'x'.repeat(64)]) {
      await refused({ volumes: [{ name, emptyDir: {} }] }, 'spec.volumes[0].name');
    }
    await refused({ volumes: [{ emptyDir: {} }] }, 'spec.volumes[0].name');
    await refused(
      {
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 'v', emptyDir: {} },
        ],
      },
      'spec.volumes[1].name',
    );
  });

  it('keeps the files of its volumes inside of them', async () => {
    for (const path of ['../x', '/x', 'a/../../x', '..x']) {
      const items = [{ key: 'k', path }];
      await refused(withVolume({ configMap: { name: 'm', items } }), 'spec.volumes[0].configMap.items[0].path');
      await refused(withVolume({ secret: { secretName: 's', items } }), 'spec.volumes[0].secret.items[0].path');
      const projected = { sources: [{ configMap: { name: 'm', items } }] };
      await refused(withVolume({ projected }), 'spec.volumes[0].projected.sources[0].configMap.items[0].path');
    }
    await refused(withVolume({ hostPath: { path: '/a/../b' } }), 'spec.volumes[0].hostPath.path');
  });

  it('mounts what it has where its containers are', async () => {
    const at = 'spec.containers[0].volumeMounts[0]';
    await refused(mounting({ name: 'other' }), `${at}.name`);
    await refused(mounting({ mountPath: '/v/../../x' }), `${at}.mountPath`);
    await refused(mounting({ subPath: '../x' }), `${at}.subPath`);
    await refused(mounting({ subPath: '/x' }), `${at}.subPath`);
    const volumeMounts = [
      { name: 'v', mountPath: '/v' },
      { name: 'v', mountPath: '/v' },
    ];
    await refused(mountsTwice(volumeMounts), 'spec.containers[0].volumeMounts[1].mountPath');
    const container = { name: '../c', image: 'host', env: [{ name: '1=x', value: '' }] };
    await refused({ containers: [container] }, 'spec.containers[0].name', 'spec.containers[0].env[0].name');
  });

  const mountsTwice = (volumeMounts: readonly object[]) => ({
    volumes: [{ name: 'v', emptyDir: {} }],
    containers: [{ name: 'c', image: 'host', volumeMounts }],
  });
});
