import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import { expect, test } from 'vitest';
import { managerPod, managerSecret } from './cluster-manager-pod.ts';
import { whyReplaced } from './keep-cluster-manager.ts';

const wanted = managerPod('bundle', 'kubeconfig');
const node = (ready: string): Node => ({ status: { conditions: [{ type: 'Ready', status: ready }] } });
const running: Pod = {
  ...wanted,
  spec: { ...wanted.spec, containers: [], nodeName: 'node-1' },
  status: { phase: 'Running' },
};

test('K2: a pod of this code that runs, or is about to, is left alone', () => {
  expect(whyReplaced(running, wanted, node('True'))).toBeUndefined();
  expect(whyReplaced(wanted, wanted, undefined), 'not placed yet').toBeUndefined();
  expect(whyReplaced(running, wanted, {}), 'a node that has said nothing yet').toBeUndefined();
});

test('K1: other code, another kubeconfig, an end, or a node that does not work: it is made again', () => {
  expect(whyReplaced(running, managerPod('other', 'kubeconfig'), node('True'))).toMatch(/other code/);
  expect(whyReplaced(running, managerPod('bundle', 'renewed'), node('True'))).toMatch(/other code/);
  expect(whyReplaced({ ...running, status: { phase: 'Failed' } }, wanted, node('True'))).toMatch(/ended/);
  expect(whyReplaced(running, wanted, node('False'))).toMatch(/does not work/);
  expect(whyReplaced(running, wanted, undefined)).toMatch(/gone/);
});

test('the kubeconfig is in the Secret alone', () => {
  expect(managerSecret('kubeconfig').data).toEqual({ kubeconfig: Buffer.from('kubeconfig').toString('base64') });
  expect(JSON.stringify(wanted)).not.toContain(Buffer.from('kubeconfig').toString('base64'));
});
