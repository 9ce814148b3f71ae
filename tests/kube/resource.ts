import { expect } from 'vitest';
import type { Api } from './api.ts';
import type { JsonObject } from './json.ts';

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** A resource of the case's own. */
export interface CustomResource {
  readonly apiVersion: string;
  /** Path of its objects in the namespace of the case. */
  readonly path: string;
  /** An object of it. */
  readonly thing: (name: string, fields?: JsonObject, metadata?: JsonObject) => JsonObject;
}

/** Defines `things` with a status and a scale; without a schema of its fields where none is given. */
export async function defineThings(api: Api, schema?: JsonObject): Promise<CustomResource> {
  const group = `${api.namespace}.things.example.com`;
  const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const definition = {
    metadata: { name: `things.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
          },
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: schema ?? free, status: free } } },
        },
      ],
    },
  };
  expect((await api.quiet('POST', crds, definition)).code).toBe(201);
  const apiVersion = `${group}/v1`;
  const path = `/apis/${apiVersion}/namespaces/${api.namespace}/things`;
  const deadline = Date.now() + 30_000;
  while ((await api.quiet('GET', path)).code !== 200) {
    if (Date.now() > deadline) throw new Error('the definition was not served');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    apiVersion,
    path,
    thing: (name, fields = {}, metadata = {}) => ({
      apiVersion,
      kind: 'Thing',
      metadata: { name, ...metadata },
      spec: fields,
    }),
  };
}
