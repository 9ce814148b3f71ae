/** The names of a definition: which it may have, and how it comes to have them. */
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import { timestamp } from './metadata.ts';

type Names = Readonly<JsonObject>;

const NAMED = 'the initial names have been accepted';

interface Taken {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

/** What definitions of a group have been given, this one's own names included. */
function takenNames(group: string | undefined, all: readonly Names[]): Taken {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const other of all) {
    if (stringAt(other, 'spec', 'group') !== group) continue;
    const accepted = objectAt(other, 'status', 'acceptedNames') ?? {};
    for (const name of [accepted.plural, accepted.singular, ...arrayAt(accepted, 'shortNames')]) {
      if (typeof name === 'string') resources.add(name);
    }
    for (const kind of [accepted.kind, accepted.listKind]) if (typeof kind === 'string') kinds.add(kind);
  }
  return { resources, kinds };
}

interface Settled {
  readonly names: JsonObject;
  /** Why not all names were given; the last conflict found names the reason. */
  readonly conflict?: { readonly reason: string; readonly message: string };
}

function settle(wanted: Names, before: Names, taken: Taken): Settled {
  const names: JsonObject = { plural: '', kind: '', ...before };
  let conflict: Settled['conflict'];
  const problem = (name: string, own: string, used: ReadonlySet<string>): string | undefined =>
    name !== own && used.has(name) ? `${JSON.stringify(name)} is already in use` : undefined;
  const single = (field: string, reason: string, used: ReadonlySet<string>): void => {
    const name = stringAt(wanted, field) ?? '';
    const message = problem(name, stringAt(before, field) ?? '', used);
    if (message === undefined) names[field] = name;
    else conflict = { reason, message };
  };
  single('plural', 'PluralConflict', taken.resources);
  single('singular', 'SingularConflict', taken.resources);
  const own = arrayAt(before, 'shortNames').map(String);
  const found = arrayAt(wanted, 'shortNames')
    .map(String)
    .filter((name) => !own.includes(name))
    .flatMap((name) => problem(name, '', taken.resources) ?? []);
  if (found.length > 0) {
    conflict = {
      reason: 'ShortNamesConflict',
      message: found.length === 1 ? (found[0] ?? '') : `[${found.join(', ')}]`,
    };
  } else setOrDelete(names, 'shortNames', wanted.shortNames);
  single('kind', 'KindConflict', taken.kinds);
  single('listKind', 'ListKindConflict', taken.kinds);
  setOrDelete(names, 'categories', wanted.categories);
  return conflict ? { names, conflict } : { names };
}

function setOrDelete(target: JsonObject, field: string, value: unknown): void {
  if (Array.isArray(value) && value.length > 0) target[field] = value;
  else delete target[field];
}

/**
 * The status of a definition, as its names and the other definitions of its group have it: names that nobody has are
 * its own, and with all of them it is about to be established. A definition once established stays so.
 */
export function statusWithNames(crd: Names, all: readonly Names[], now: Date): JsonObject {
  const before = objectAt(crd, 'status') ?? {};
  const wanted = objectAt(crd, 'spec', 'names') ?? {};
  const { names, conflict } = settle(
    wanted,
    objectAt(before, 'acceptedNames') ?? {},
    takenNames(stringAt(crd, 'spec', 'group'), all),
  );
  let conditions = arrayAt(before, 'conditions').filter(isObject);
  const set = (type: string, status: string, reason: string, message: string): void => {
    conditions = withCondition(conditions, { type, status, reason, message }, now);
  };
  if (conflict) set('NamesAccepted', 'False', conflict.reason, conflict.message);
  else set('NamesAccepted', 'True', 'NoConflicts', 'no conflicts found');
  if (!isEstablished(before)) {
    if (conflict) set('Established', 'False', 'NotAccepted', 'not all names are accepted');
    else set('Established', 'False', 'Installing', NAMED);
  }
  return { ...before, acceptedNames: names, conditions };
}

/** A definition whose names were accepted is served from now on. */
export function establishedStatus(status: Names, now: Date): Names {
  const isNamed = arrayAt(status, 'conditions').some(
    (c) => isObject(c) && c.type === 'NamesAccepted' && c.status === 'True',
  );
  if (!isNamed || isEstablished(status)) return status;
  const condition = { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: NAMED };
  return { ...status, conditions: withCondition(arrayAt(status, 'conditions').filter(isObject), condition, now) };
}

export function isEstablished(status: Names): boolean {
  return arrayAt(status, 'conditions').some((c) => isObject(c) && c.type === 'Established' && c.status === 'True');
}

/** The conditions with one set; its time changes with its status alone. */
export function withCondition(
  conditions: readonly JsonObject[],
  condition: { readonly type: string; readonly status: string; readonly reason: string; readonly message: string },
  now: Date,
): JsonObject[] {
  const old = conditions.find(({ type }) => type === condition.type);
  const lastTransitionTime = old?.status === condition.status ? old.lastTransitionTime : timestamp(now);
  const made: JsonObject = { ...condition, lastTransitionTime };
  return old ? conditions.map((each) => (each === old ? made : each)) : [...conditions, made];
}
