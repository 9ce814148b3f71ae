import { type FieldError, fieldError } from '../http/field-error.ts';
import { cloneJson, ensureObject, equalJson, type JsonObject, objectAt, stringAt } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';
import { validateJobSpec } from './job-spec.ts';
import { completeTemplate, fillTemplate } from './pod-template.ts';
import { immutable, inOrder, selectorInOrder, validateSelector } from './selector-rules.ts';

const UID = 'batch.kubernetes.io/controller-uid';
const NAME = 'batch.kubernetes.io/job-name';
const OLD_UID = 'controller-uid';
const OLD_NAME = 'job-name';

const INT32_MAX = 2 ** 31 - 1;

/** What follows from what was said. */
function fill(draft: JsonObject): void {
  const spec = ensureObject(draft, 'spec');
  fillTemplate(spec.template);
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : INT32_MAX;
  const metadata = ensureObject(draft, 'metadata');
  const labels = objectAt(spec, 'template', 'metadata', 'labels');
  if (labels && isEmpty(metadata.labels)) metadata.labels = cloneJson(labels);
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  spec.manualSelector ??= false;
}

const isEmpty = (value: unknown): boolean => Object.keys(objectAt({ value }, 'value') ?? {}).length === 0;

/** Labels that no other job's pods have, and a selector for them. */
function generateSelector(draft: JsonObject): void {
  const spec = ensureObject(draft, 'spec');
  const { name, uid } = objectAt(draft, 'metadata') ?? {};
  const template = ensureObject(ensureObject(spec, 'template'), 'metadata');
  const labels = ensureObject(template, 'labels');
  for (const key of [OLD_NAME, NAME]) labels[key] ??= name;
  for (const key of [OLD_UID, UID]) labels[key] ??= uid;
  ensureObject(ensureObject(spec, 'selector'), 'matchLabels')[UID] ??= uid;
}

/** The labels of a generated selector must be those of this job, whatever the template said. */
function validateGenerated(draft: Readonly<JsonObject>): readonly FieldError[] {
  const spec = objectAt(draft, 'spec') ?? {};
  const selector = objectAt(spec, 'selector');
  if (spec.manualSelector === true || !selector) return [];
  const uid = stringAt(draft, 'metadata', 'uid') ?? '';
  const name = stringAt(draft, 'metadata', 'name') ?? '';
  const labels = objectAt(spec, 'template', 'metadata', 'labels') ?? {};
  const expected: Readonly<Record<string, string>> = { [OLD_UID]: uid, [OLD_NAME]: name, [UID]: uid, [NAME]: name };
  const found = Object.entries(expected).flatMap(([key, value]) => {
    const at = `spec.template.metadata.labels[${key}]`;
    if (labels[key] === undefined) return [fieldError.required(at, `must be '${value}'`)];
    return labels[key] === value ? [] : [fieldError.invalid(at, inOrder(labels), `must be '${value}'`)];
  });
  const isOwn = validateSelector(
    selector,
    { metadata: { labels: expected } },
    { at: 'spec.selector', isRequired: false },
  );
  return isOwn.length === 0
    ? found
    : [...found, fieldError.invalid('spec.selector', selectorInOrder(selector), '`selector` not auto-generated')];
}

/** An indexed job names its pods after their index. */
function validateHostname(draft: Readonly<JsonObject>): readonly FieldError[] {
  const { completionMode, completions } = objectAt(draft, 'spec') ?? {};
  if (completionMode !== 'Indexed' || typeof completions !== 'number' || completions <= 0) return [];
  const name = stringAt(draft, 'metadata', 'name') ?? '';
  const hostname = `${name}-${completions - 1}`;
  if (nameChecks.label(hostname) === undefined) return [];
  return [fieldError.invalid('metadata.name', name, `will not able to create pod with invalid DNS label: ${hostname}`)];
}

function validateUpdate(draft: Readonly<JsonObject>, current: Readonly<JsonObject>): readonly FieldError[] {
  const { completionMode, completions, parallelism } = objectAt(draft, 'spec') ?? {};
  const before = objectAt(current, 'spec') ?? {};
  const isStillFree = before.suspend === true && objectAt(current, 'status')?.startTime === undefined;
  const field = (name: string): readonly FieldError[] => immutable(draft, current, ['spec', name]);
  const tandem =
    !equalJson(completions, before.completions) && completions !== undefined && completions !== parallelism
      ? [fieldError.invalid('spec.completions', completions, 'can only be modified in tandem with spec.parallelism')]
      : [];
  return [
    ...(completionMode === 'Indexed' ? tandem : field('completions')),
    ...field('selector'),
    ...(isStillFree && equalJson(withoutScheduling(draft), withoutScheduling(current)) ? [] : field('template')),
    ...['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'].flatMap(field),
  ];
}

/** A job that is suspended and never ran may still be told where to run. */
function withoutScheduling(object: Readonly<JsonObject>): unknown {
  const template = cloneJson(objectAt(object, 'spec', 'template') ?? {});
  delete template.metadata;
  const spec = ensureObject(template, 'spec');
  for (const field of ['nodeSelector', 'tolerations', 'schedulingGates']) delete spec[field];
  const affinity = objectAt(spec, 'affinity');
  delete affinity?.nodeAffinity;
  if (affinity && Object.keys(affinity).length === 0) delete spec.affinity;
  return template;
}

export const jobStrategy: Strategy = {
  convertInput: fill,
  prepareCreate: (draft, { warn }) => {
    draft.status = {};
    if (objectAt(draft, 'spec')?.manualSelector !== true) generateSelector(draft);
    completeTemplate(objectAt(draft, 'spec', 'template'));
    const metadata = ensureObject(draft, 'metadata');
    const labels = objectAt(draft, 'spec', 'template', 'metadata', 'labels');
    // The generated ones are the job's own as well, where it said no others than its template.
    if (labels && Object.entries(objectAt(metadata, 'labels') ?? {}).every(([key, value]) => labels[key] === value)) {
      metadata.labels = cloneJson(labels);
    }
    const name = stringAt(metadata, 'name') ?? '';
    const problem = name.includes('.') ? 'must not contain dots' : nameChecks.label(name);
    if (problem !== undefined) {
      warn?.(
        `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${problem}]`,
      );
    }
  },
  prepareUpdate: (draft) => completeTemplate(objectAt(draft, 'spec', 'template')),
  validate: (draft) => {
    const spec = objectAt(draft, 'spec') ?? {};
    const selector = objectAt(spec, 'selector');
    return [
      ...validateGenerated(draft),
      ...validateJobSpec(spec, 'spec'),
      ...(selector ? [] : [fieldError.required('spec.selector')]),
      ...validateSelector(selector, objectAt(spec, 'template'), { at: 'spec.selector', isRequired: true }),
      ...validateHostname(draft),
    ];
  },
  validateUpdate,
  defaultPropagation: 'Orphan',
  propagationWarning:
    'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
};
