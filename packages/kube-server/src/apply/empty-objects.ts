import type { JsonObject } from '../json.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import type { Schema } from '../schema/schema.ts';

const template: JsonObject = { metadata: {}, spec: { containers: null } };
const workload: JsonObject = { selector: null, template };
const reference: JsonObject = { firstTimestamp: null, lastTimestamp: null, involvedObject: {}, source: {} };

/**
 * What an object of a built-in kind has before anybody fills it, where that is more than a spec and a status: Kubernetes
 * knows these kinds as records of fixed fields, and who fills a field of one that is there already does not own the place.
 * Null stands for a list or object that is there without being one.
 */
const emptyObjects: Readonly<Record<string, JsonObject>> = {
  '/Pod': { spec: { containers: null } },
  '/Event': { ...reference, eventTime: null, reportingComponent: '', reportingInstance: '' },
  'events.k8s.io/Event': {
    eventTime: null,
    regarding: {},
    deprecatedSource: {},
    deprecatedFirstTimestamp: null,
    deprecatedLastTimestamp: null,
  },
  '/PersistentVolumeClaim': { spec: { resources: {} } },
  '/PodTemplate': { template },
  'apps/Deployment': { spec: { ...workload, strategy: {} } },
  'apps/ReplicaSet': { spec: workload },
  'apps/StatefulSet': { spec: { ...workload, serviceName: '', updateStrategy: {} } },
  'apps/DaemonSet': { spec: { ...workload, updateStrategy: {} } },
  'batch/Job': { spec: { template } },
  'batch/CronJob': { spec: { schedule: '', jobTemplate: { metadata: {}, spec: { template } } } },
  'apiextensions.k8s.io/CustomResourceDefinition': {
    spec: { group: '', names: { plural: '', kind: '' }, scope: '', versions: null },
  },
};

/** An object of this kind before anybody fills it; custom resources have nothing. */
export function emptyObject({ group, kind, custom, schema }: ResourceDefinition): Readonly<JsonObject> {
  return custom ? {} : { ...emptyParts(schema()), ...emptyObjects[`${group}/${kind}`] };
}

/** Whoever fills a spec or a status does not make it. */
export function emptyParts(schema: Schema): JsonObject {
  const parts: JsonObject = {};
  for (const name of ['spec', 'status']) if (schema.properties?.[name]?.type === 'object') parts[name] = {};
  return parts;
}
