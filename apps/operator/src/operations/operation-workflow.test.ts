import { stepKinds } from '@polarstack/domain';
import { expect, test } from 'vitest';
import { operationWorkflow } from './operation-workflow.ts';

test('OP2: every step that a plan can have is carried out by a definition of its name, and there are no others', () => {
  const defined = operationWorkflow.steps.map((step) => ('name' in step ? step.name : ''));
  expect([...defined].sort()).toEqual([...stepKinds].sort());
});
