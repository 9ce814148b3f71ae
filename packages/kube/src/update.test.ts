import { StackError } from '@polarstack/base';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { describe, expect, test } from 'vitest';
import { objectKey, parseKey } from './object.ts';
import { controllerOf, isOwnedBy, ownerReference } from './owner.ts';
import { ConfigMaps } from './resources.ts';
import { kubeTime, microTime } from './time.ts';
import { updateWithRetry } from './update.ts';

/** A client of one object, whose first `conflicts` writes lose a race. */
function client(conflicts: number) {
  let stored: ConfigMap = { metadata: { name: 'a', resourceVersion: '1' }, data: { n: '0' } };
  let lost = 0;
  const replace = async (_: unknown, object: ConfigMap) => {
    if (lost < conflicts) {
      lost++;
      stored = { ...stored, data: { ...stored.data, [`other${lost}`]: 'x' } };
      throw new StackError('Conflict', 'lost');
    }
    stored = object;
    return object;
  };
  return { get: async () => stored, replace, replaceStatus: replace, stored: () => stored };
}

const increment = (current: ConfigMap): ConfigMap => ({
  ...current,
  data: { ...current.data, n: String(Number(current.data?.n) + 1) },
});

describe('updateWithRetry', () => {
  test('a lost race repeats the change on the newest version', async () => {
    const server = client(3);
    await updateWithRetry(server as never, ConfigMaps, { namespace: 'd', name: 'a' }, increment);
    expect(server.stored().data).toEqual({ n: '1', other1: 'x', other2: 'x', other3: 'x' });
  });

  test('it gives up after the attempts it was given', async () => {
    const server = client(5);
    const pending = updateWithRetry(server as never, ConfigMaps, { name: 'a' }, increment, { attempts: 5 });
    await expect(pending).rejects.toMatchObject({ code: 'Conflict' });
  });

  test('no change, no write', async () => {
    const server = client(1);
    expect(await updateWithRetry(server as never, ConfigMaps, { name: 'a' }, () => undefined)).toBe(server.stored());
  });
});

test('times: MicroTime has six digits, Time whole seconds', () => {
  const date = new Date('2026-01-02T03:04:05.908Z');
  expect([microTime(date), kubeTime(date)]).toEqual(['2026-01-02T03:04:05.908000Z', '2026-01-02T03:04:05Z']);
});

test('owners: the reference, the controller, and the question', () => {
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'o', uid: 'u' } };
  const reference = ownerReference(owner);
  expect(reference).toEqual({
    ...owner.metadata,
    apiVersion: 'v1',
    kind: 'ConfigMap',
    controller: true,
    blockOwnerDeletion: true,
  });
  const child = { metadata: { ownerReferences: [ownerReference(owner, { controller: false }), reference] } };
  expect(controllerOf(child)).toBe(reference);
  expect(isOwnedBy(child, owner)).toBe(true);
  expect(isOwnedBy(child, { metadata: { uid: 'another' } })).toBe(false);
  expect(isOwnedBy(child, {})).toBe(false);
  expect(() => ownerReference({ metadata: { name: 'o' } })).toThrow('uid');
});

test('keys go there and back', () => {
  expect(objectKey({ metadata: { namespace: 'n', name: 'a' } })).toBe('n/a');
  expect(parseKey('n/a')).toEqual({ namespace: 'n', name: 'a' });
  expect(parseKey(objectKey({ metadata: { name: 'a' } }))).toEqual({ name: 'a' });
});
