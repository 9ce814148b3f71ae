import { expect, vi } from 'vitest';
import { arrayAt, isObject, type JsonObject, stringAt } from '../../json.ts';
import { type Answer, startTestServer, type TestServer } from '../../testing/test-server.ts';

export const APPLY = { 'content-type': 'application/apply-patch+yaml' };
export const MERGE = { 'content-type': 'application/merge-patch+json' };
export const maps = '/api/v1/namespaces/default/configmaps';
export const ships = '/apis/lab.example.com/v1/namespaces/default/ships';

/** A custom resource with one field of each shape. */
const crd = {
  metadata: { name: 'ships.lab.example.com' },
  spec: {
    group: 'lab.example.com',
    scope: 'Namespaced',
    names: { plural: 'ships', kind: 'Ship' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {}, scale: { specReplicasPath: '.spec.crew', statusReplicasPath: '.status.crew' } },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  crew: { type: 'integer' },
                  port: { type: 'string', default: 'kiel' },
                  sails: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
                  tags: { type: 'array', items: { type: 'string' } },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  masts: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['id', 'kind'],
                    items: {
                      type: 'object',
                      required: ['id'],
                      properties: {
                        id: { type: 'string' },
                        kind: { type: 'string', default: 'k' },
                        height: { type: 'integer' },
                        width: { type: 'integer' },
                      },
                    },
                  },
                },
              },
              status: { type: 'object', properties: { crew: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
};

/** A server that knows ships. */
export async function startApplyServer(): Promise<TestServer> {
  const server = await startTestServer();
  await server.admin.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
  await vi.waitFor(async () => expect((await server.admin.call('GET', ships)).code).toBe(200), 30_000);
  return server;
}

export const map = (name: string, data: unknown, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
export const ship = (name: string, spec: unknown): JsonObject => ({
  apiVersion: 'lab.example.com/v1',
  kind: 'Ship',
  metadata: { name },
  spec,
});

/** Server-side apply as a manager of fields, to the server of the moment. */
export function applying(server: () => TestServer) {
  const apply = (path: string, manager: string, config: unknown, more = ''): Promise<Answer> =>
    server().admin.call('PATCH', `${path}?fieldManager=${manager}${more}`, config, APPLY);
  const applyMap = (manager: string, config: JsonObject, more = ''): Promise<Answer> =>
    apply(`${maps}/${stringAt(config, 'metadata', 'name')}`, manager, config, more);
  const applyShip = (manager: string, config: JsonObject, more = ''): Promise<Answer> =>
    apply(`${ships}/${stringAt(config, 'metadata', 'name')}`, manager, config, more);
  return { apply, applyMap, applyShip };
}

/** `manager operation[/subresource]` to what it owns. */
export function owners(answer: Answer): JsonObject {
  const entries = arrayAt(answer.body, 'metadata', 'managedFields').filter(isObject);
  return Object.fromEntries(
    entries.map(({ manager, operation, subresource, fieldsV1 }) => [
      `${String(manager)} ${String(operation)}${typeof subresource === 'string' ? `/${subresource}` : ''}`,
      fieldsV1,
    ]),
  );
}
