import { type FieldError, fieldError } from '../http/field-error.ts';
import { ensureObject, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { wrongSchedule } from './cron-schedule.ts';
import { validateJobSpec } from './job-spec.ts';
import { completeTemplate, fillTemplate } from './pod-template.ts';
import { nonNegative, selectorInOrder } from './selector-rules.ts';

/** Room for what the controller appends to the names of its jobs. */
const MAX_NAME = 52;

function validateSchedule(schedule: string, zone: unknown, mayNameZone: boolean): readonly FieldError[] {
  const at = 'spec.schedule';
  if (schedule === '') return []; // judged by the schema
  const wrong = wrongSchedule(schedule);
  const found = wrong === undefined ? [] : [fieldError.invalid(at, schedule, wrong)];
  if (!schedule.includes('TZ')) return found;
  if (!mayNameZone) {
    found.push(fieldError.invalid(at, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  } else if (zone !== undefined) {
    found.push(fieldError.invalid(at, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
  }
  return found;
}

function isKnownZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function validateZone(zone: unknown): readonly FieldError[] {
  const at = 'spec.timeZone';
  if (typeof zone !== 'string') return [];
  if (zone === '') return [fieldError.invalid(at, zone, 'timeZone must be nil or non-empty string')];
  const unknown = fieldError.invalid(at, zone, `unknown time zone ${zone}`);
  const parts = zone.split('/');
  if (parts.some((part) => part === '.' || part === '..' || !/^[A-Za-z._+0-9][A-Za-z._+\-0-9]*$/.test(part))) {
    return [unknown];
  }
  const local = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
  return [
    ...(zone.toLowerCase() === 'local' ? [fieldError.invalid(at, zone, local)] : []),
    ...(isKnownZone(zone) || zone === 'Local' ? [] : [unknown]),
  ];
}

function validateJobTemplate(spec: JsonObject | undefined): readonly FieldError[] {
  const at = 'spec.jobTemplate.spec';
  const { selector, manualSelector } = spec ?? {};
  return [
    ...validateJobSpec(spec ?? {}, at),
    ...(selector === undefined
      ? []
      : [
          fieldError.invalid(
            `${at}.selector`,
            isObject(selector) ? selectorInOrder(selector) : selector,
            '`selector` will be auto-generated',
          ),
        ]),
    ...(manualSelector === true ? [fieldError.notSupported(`${at}.manualSelector`, true, ['nil', 'false'])] : []),
  ];
}

function complete(draft: JsonObject): void {
  const template = ensureObject(ensureObject(draft, 'spec'), 'jobTemplate');
  ensureObject(template, 'metadata');
  completeTemplate(objectAt(template, 'spec', 'template'));
}

export const cronJobStrategy: Strategy = {
  convertInput: (draft) => fillTemplate(objectAt(draft, 'spec', 'jobTemplate', 'spec', 'template')),
  prepareCreate: (draft) => {
    draft.status = {};
    complete(draft);
  },
  prepareUpdate: complete,
  validate: (draft) => [
    ...nonNegative(draft.spec, 'spec', ['startingDeadlineSeconds']),
    ...validateJobTemplate(objectAt(draft, 'spec', 'jobTemplate', 'spec')),
    ...nonNegative(draft.spec, 'spec', ['successfulJobsHistoryLimit', 'failedJobsHistoryLimit']),
  ],
  validateCreate: (draft) => {
    const name = stringAt(draft, 'metadata', 'name') ?? '';
    const zone = objectAt(draft, 'spec')?.timeZone;
    return [
      ...validateSchedule(stringAt(draft, 'spec', 'schedule') ?? '', zone, false),
      ...validateZone(zone),
      ...(name.length > MAX_NAME
        ? [fieldError.invalid('metadata.name', name, `must be no more than ${MAX_NAME} characters`)]
        : []),
    ];
  },
  validateUpdate: (draft, current) => {
    const zone = objectAt(draft, 'spec')?.timeZone;
    const before = stringAt(current, 'spec', 'schedule') ?? '';
    return [
      ...validateSchedule(stringAt(draft, 'spec', 'schedule') ?? '', zone, before.includes('TZ')),
      ...(zone === objectAt(current, 'spec')?.timeZone ? [] : validateZone(zone)),
    ];
  },
};
