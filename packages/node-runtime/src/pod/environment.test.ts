import type { Container, Pod } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { containerEnvironment, containerProcess } from './command.ts';
import { downwardField, type EnvironmentSources, expand, resolveEnvironment } from './environment.ts';

const pod: Pod = {
  metadata: { name: 'p', namespace: 'ns', uid: 'u', labels: { b: '2', a: '1' }, annotations: { 'x/y': 'z' } },
  spec: { containers: [] },
};
const facts = { pod, podIP: '10.0.0.1', hostIP: '10.0.0.2', nodeName: 'n' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const sources: EnvironmentSources = {
  configMap: async (name) => (name === 'c' ? { data: { key: 'map', 'not a name': '1' } } : undefined),
  secret: async (name) => (name === 's' ? { data: { password: base64('geheim') } } : undefined),
};
const resolve = (container: Partial<Container>) => resolveEnvironment({ name: 'c', ...container }, facts, sources);

describe('the environment of a container', () => {
  it('later entries win and may refer to earlier ones', async () => {
    expect(
      await resolve({
        envFrom: [{ configMapRef: { name: 'c' } }, { prefix: 'S_', secretRef: { name: 's' } }],
        env: [
          { name: 'A', value: 'a' },
          { name: 'B', value: '$(A)-$(key)-$(NONE)-$$(A)' },
          { name: 'key', value: 'own' },
          { name: 'P', valueFrom: { secretKeyRef: { name: 's', key: 'password' } } },
          { name: 'O', valueFrom: { configMapKeyRef: { name: 'none', key: 'k', optional: true } } },
        ],
      }),
    ).toEqual({ key: 'own', S_password: 'geheim', A: 'a', B: 'a-map-$(NONE)-$(A)', P: 'geheim' });
  });

  it('says what is missing', async () => {
    const missing = resolve({ env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'other' } } }] });
    await expect(missing).rejects.toMatchObject({
      code: 'MountFailed',
      message: 'Secret s with key other does not exist',
    });
    await expect(resolve({ envFrom: [{ configMapRef: { name: 'none' } }] })).rejects.toThrow('ConfigMap none');
    const unknown = resolve({ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'spec.nonsense' } } }] });
    await expect(unknown).rejects.toMatchObject({ code: 'InvalidPod' });
  });

  it('knows the downward API', () => {
    const fields = {
      'metadata.name': 'p',
      'metadata.namespace': 'ns',
      'metadata.uid': 'u',
      "metadata.labels['a']": '1',
      "metadata.annotations['x/y']": 'z',
      'metadata.labels': 'a="1"\nb="2"',
      'spec.nodeName': 'n',
      'status.podIP': '10.0.0.1',
      'status.hostIP': '10.0.0.2',
    };
    for (const [path, value] of Object.entries(fields)) expect(downwardField(path, facts)).toBe(value);
  });

  it('expands only what is known', () => {
    expect(expand('$(A) $$ $(B) $C', { A: '1' })).toBe('1 $ $(B) $C');
  });
});

describe('the process of a container', () => {
  const image = { name: 'i', env: { BIN: '/pg' }, pathDirs: ['/pg/bin'], sizeBytes: 0 };
  const input = { image, variables: { V: 'v', PATH: '/own' }, root: '/r', runFolder: '/run', binDir: '/b' };

  it('has a minimal environment; ours cannot be overridden by the pod', () => {
    expect(
      containerEnvironment({ ...input, variables: { POLARSTACK_ROOT: '/evil', POLARSTACK_RUN: '/evil' } }),
    ).toEqual({
      BIN: '/pg',
      HOME: '/r',
      LANG: 'C.UTF-8',
      PATH: '/pg/bin:/b:/usr/local/bin:/usr/bin:/bin',
      POLARSTACK_ROOT: '/r',
      POLARSTACK_RUN: '/run',
    });
    expect(containerEnvironment(input).PATH).toBe('/own');
  });

  it('polarstack-keeper means: keep the rest running', () => {
    const container: Container = {
      name: 'c',
      command: ['polarstack-keeper', 'polarstack-agent'],
      args: ['--x', '$(V)'],
    };
    expect(containerProcess({ ...input, container })).toMatchObject({
      mode: 'keep',
      argv: ['polarstack-agent', '--x', 'v'],
    });
    const plain: Container = { name: 'c', command: ['/bin/true'] };
    expect(containerProcess({ ...input, container: plain })).toMatchObject({
      mode: 'once',
      argv: ['/bin/true'],
      cwd: '/r',
    });
    expect(() => containerProcess({ ...input, container: { name: 'c' } })).toThrow('needs a command');
  });
});
