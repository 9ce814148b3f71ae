import { type JsonObject, objectAt } from '../json.ts';
import type { ResourceDefinition } from '../registry/definition.ts';

/** Fields that the two kinds of events name differently: core v1 first, events.k8s.io/v1 second. */
const renamed: readonly (readonly [string, string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['count', 'deprecatedCount'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
];

function rename(
  object: Readonly<JsonObject>,
  apiVersion: string,
  pairs: readonly (readonly [string, string])[],
): JsonObject {
  const result: JsonObject = { ...object, apiVersion };
  for (const [from, to] of pairs) {
    if (result[from] === undefined) continue;
    result[to] = result[from];
    delete result[from];
  }
  return result;
}

/** Events are stored once, as core v1; `events.k8s.io/v1` is another look at the same objects. */
export const eventView: NonNullable<ResourceDefinition['view']> = {
  fromStored: (stored) => {
    const shown = rename(stored, 'events.k8s.io/v1', renamed);
    // Only core v1 shows who reports where nobody said so.
    for (const field of ['reportingController', 'reportingInstance']) if (shown[field] === '') delete shown[field];
    return shown;
  },
  toStored: (object) => {
    const stored = rename(
      object,
      'v1',
      renamed.map(([core, view]) => [view, core] as const),
    );
    stored.involvedObject ??= { namespace: objectAt(stored, 'metadata')?.namespace };
    return stored;
  },
};
