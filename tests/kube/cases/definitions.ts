/** What a CustomResourceDefinition may say: every case sends one with one fault, and compares the refusal. */
import { expect } from 'vitest';
import type { Api } from '../api.ts';
import { topic } from '../case.ts';

export const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

type Fields = Readonly<Record<string, unknown>>;

/** A schema whose spec has these fields. */
export const specOf = (properties: Fields, extra: Fields = {}): Fields => ({
  type: 'object',
  properties: { spec: { type: 'object', properties, ...extra } },
});

export const version = (schema: Fields, extra: Fields = {}): Fields => ({
  name: 'v1',
  served: true,
  storage: true,
  schema: { openAPIV3Schema: schema },
  ...extra,
});

/** A definition of `ships` in a group of the case's own. */
export function definition(api: Api, versions: readonly Fields[], spec: Fields = {}): Fields {
  const group = `${api.namespace}.example.com`;
  return {
    metadata: { name: `ships.${group}` },
    spec: { group, scope: 'Namespaced', names: { plural: 'ships', kind: 'Ship' }, versions, ...spec },
  };
}

/** Sends a definition that must be refused; nothing is left of it. */
async function refused(api: Api, versions: readonly Fields[], spec: Fields = {}, code = 422): Promise<void> {
  const path = `${crds}?dryRun=All`;
  const answer = await api.call('POST', path, definition(api, versions, spec));
  expect(answer.code, answer.text).toBe(code);
}

const refusedField = (api: Api, field: Fields): Promise<void> => refused(api, [version(specOf({ a: field }))]);

const text = { type: 'string' };

export const definitionCases = topic('definitions', {
  'have names and a group by rules': async (api) => {
    const fine = [version({ type: 'object' })];
    const names = { plural: 'ships', kind: 'Ship' };
    await refused(api, fine, { group: 'example' });
    await refused(api, fine, { names: { ...names, kind: 'Ship!' } });
    await refused(api, fine, { names: { ...names, singular: 'Ship' } });
    await refused(api, fine, { names: { ...names, listKind: 'Ship' } });
    await refused(api, fine, { names: { ...names, shortNames: ['sh', 'S!'] } });
    await refused(api, fine, { names: { ...names, categories: ['All'] } });
    await refused(api, fine, { names: { ...names, plural: 'boats' } });
    await refused(api, fine, { scope: 'Everywhere' });
    await refused(api, fine, { preserveUnknownFields: true });
    await refused(api, fine, { group: 'x.k8s.io' });
  },

  'have exactly one storage version, and no version twice': async (api) => {
    const schema = { type: 'object' };
    await refused(api, []);
    await refused(api, [{ name: 'V1', served: true, storage: true, schema: { openAPIV3Schema: schema } }]);
    await refused(api, [{ name: 'v1', served: true, storage: true }]);
    await refused(api, [version(schema, { deprecationWarning: 'old' })]);
    await refused(api, [version(schema, { deprecated: true, deprecationWarning: '' })]);
    await refused(api, [version(schema, { deprecated: true, deprecationWarning: 'a\nb' })]);
  },

  'have structural schemas: types': async (api) => {
    await refused(api, [version({ properties: { spec: { type: 'object' } } })]);
    await refused(api, [version({ type: 'array', items: text })]);
    await refused(api, [version({ type: 'object', additionalProperties: text })]);
    await refused(api, [version({ type: 'object', nullable: true })]);
    await refusedField(api, {});
    await refusedField(api, { type: 'text' });
    await refusedField(api, { type: 'array' });
    await refusedField(api, { type: 'array', items: {} });
    await refusedField(api, { type: 'object', additionalProperties: text, properties: { b: text } });
    await refusedField(api, { type: 'array', items: text, uniqueItems: true });
    await refusedField(api, { type: 'string', pattern: '(' });
    await refusedField(api, { type: 'string', pattern: '(?=a)' });
    for (const word of ['$ref', 'id']) await refusedField(api, { ...text, [word]: 'x' });
    await refusedField(api, { type: 'object', definitions: { b: text } });
    await refusedField(api, { type: 'object', patternProperties: { b: text } });
    await refusedField(api, { ...text, $schema: 'x' });
  },

  'have structural schemas: logic only narrows': async (api) => {
    for (const word of [
      { type: 'string' },
      { description: 'x' },
      { default: 'x' },
      { nullable: true },
      { title: 'x' },
      { additionalProperties: text },
      { 'x-kubernetes-preserve-unknown-fields': true },
      { 'x-kubernetes-int-or-string': true },
      { 'x-kubernetes-list-type': 'set' },
      { 'x-kubernetes-validations': [{ rule: 'true' }] },
    ]) {
      await refusedField(api, { type: 'object', properties: { b: text }, anyOf: [{ properties: { b: word } }] });
    }
    const root = (logic: Fields): Promise<void> => refused(api, [version({ ...specOf({ a: text }), ...logic })]);
    await root({ allOf: [{ properties: { c: { minLength: 1 } } }] });
    await root({ anyOf: [{ properties: { spec: { properties: { c: {} } } } }] });
    await root({ not: { required: ['c'], properties: { c: {} } } });
    await root({ oneOf: [{ properties: { metadata: {} } }] });
    await root({ oneOf: [{ items: {} }] });
  },

  'have structural schemas: extensions that go together': async (api) => {
    await refusedField(api, { type: 'object', 'x-kubernetes-preserve-unknown-fields': false });
    await refusedField(api, { 'x-kubernetes-int-or-string': true, 'x-kubernetes-preserve-unknown-fields': true });
    await refusedField(api, { type: 'object', 'x-kubernetes-embedded-resource': true });
    await refusedField(api, { type: 'string', 'x-kubernetes-embedded-resource': true });
    await refusedField(api, { ...text, 'x-kubernetes-map-type': 'atomic' });
    await refusedField(api, { type: 'object', 'x-kubernetes-map-type': 'loose' });
    await refusedField(api, { ...text, 'x-kubernetes-list-type': 'set' });
    await refusedField(api, { type: 'array', items: text, 'x-kubernetes-list-type': 'bag' });
    const item = { type: 'object', properties: { k: text } };
    await refusedField(api, { type: 'array', items: item, 'x-kubernetes-list-type': 'set' });
    await refusedField(api, { type: 'array', items: item, 'x-kubernetes-list-type': 'map' });
    await refusedField(api, { type: 'array', items: item, 'x-kubernetes-list-map-keys': ['k'] });
    const map = { type: 'array', 'x-kubernetes-list-type': 'map' };
    await refusedField(api, { ...map, items: item, 'x-kubernetes-list-map-keys': ['k'] });
    await refusedField(api, { ...map, items: { ...item, required: ['k'] }, 'x-kubernetes-list-map-keys': ['z'] });
    await refusedField(api, { ...map, items: { ...item, required: ['k'] }, 'x-kubernetes-list-map-keys': ['k', 'k'] });
    await refusedField(api, { ...map, items: text, 'x-kubernetes-list-map-keys': ['k'] });
    const nullable = { type: 'object', required: ['k'], properties: { k: { ...text, nullable: true } } };
    await refusedField(api, { ...map, items: nullable, 'x-kubernetes-list-map-keys': ['k'] });
  },

  'leave the metadata to the server': async (api) => {
    const root = (metadata: Fields): Fields => ({ type: 'object', properties: { metadata } });
    await refused(api, [version(root({ type: 'object', properties: { labels: { type: 'object' } } }))]);
    await refused(api, [version(root({ type: 'string' }))]);
    await refused(api, [version({ type: 'object', properties: { kind: { type: 'integer' } } })]);
    const named = root({ type: 'object', properties: { name: { ...text, default: 'x' } } });
    await refused(api, [version(named)]);
  },

  'as values of another program': async (api) => {
    const status = { subresources: { status: {} } };
    await refused(api, [version({ type: 'object', 'x-kubernetes-map-type': 'granular' }, status)]);
    await refused(api, [version({ type: 'object' }), version({ type: 'object' }, { storage: false })]);
    await refused(api, [version({ type: 'object' }, { storage: false })]);
  },

  'have defaults that their schema allows': async (api) => {
    await refusedField(api, { type: 'integer', default: 'x' });
    await refusedField(api, { type: 'integer', minimum: 3, default: 1 });
    await refusedField(api, { ...text, pattern: '^a$', default: 'b' });
    await refusedField(api, { ...text, enum: ['a'], default: 'b' });
    await refusedField(api, { type: 'object', properties: { b: text }, default: { z: 1 } });
    await refusedField(api, { type: 'object', required: ['b'], properties: { b: text }, default: {} });
    await refusedField(api, { ...text, default: 'ab', 'x-kubernetes-validations': [{ rule: 'size(self) > 3' }] });
  },

  'say how objects are shown and scaled': async (api) => {
    const schema = specOf({ n: { type: 'integer' } });
    const column = { name: 'N', type: 'integer', jsonPath: '.spec.n' };
    for (const change of [
      { type: 'whole' },
      { format: 'int' },
      { jsonPath: 'spec.n' },
      { name: '' },
      { jsonPath: '' },
    ]) {
      await refused(api, [version(schema, { additionalPrinterColumns: [{ ...column, ...change }] })]);
    }
    const scale = { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n' };
    for (const change of [
      { specReplicasPath: '.n' },
      { statusReplicasPath: '.spec.n' },
      { labelSelectorPath: '.x' },
      { specReplicasPath: 'spec.n' },
      { specReplicasPath: '' },
    ]) {
      await refused(api, [version(schema, { subresources: { scale: { ...scale, ...change } } })]);
    }
  },

  'say what objects are selected by': async (api) => {
    const schema = specOf({ n: { type: 'integer' }, o: { type: 'object' }, m: { type: 'number' } });
    const select = (...paths: readonly string[]): Promise<void> =>
      refused(api, [version(schema, { selectableFields: paths.map((jsonPath) => ({ jsonPath })) })]);
    await select('.spec.x');
    await select('.spec.o');
    await select('.spec.m');
    await select('spec.n');
    await select('.metadata.name');
    await select(".spec['n']");
    await select('.spec.n', '.spec.n');
    await select('');
  },

  'name how versions are converted': async (api) => {
    const fine = [version({ type: 'object' })];
    const convert = (conversion: Fields): Promise<void> => refused(api, fine, { conversion });
    await convert({ strategy: 'Magic' });
    await convert({ strategy: 'Webhook' });
    const webhook = { conversionReviewVersions: ['v1'] };
    await convert({ strategy: 'Webhook', webhook: { ...webhook, clientConfig: {} } });
    await convert({ strategy: 'Webhook', webhook: { ...webhook, clientConfig: { url: 'http://a.b/c' } } });
    await convert({
      strategy: 'Webhook',
      webhook: { clientConfig: { url: 'https://a.b/c' }, conversionReviewVersions: [] },
    });
    await convert({
      strategy: 'Webhook',
      webhook: { clientConfig: { url: 'https://a.b/c' }, conversionReviewVersions: ['v9'] },
    });
    await convert({ strategy: 'None', webhook });
  },

  'warn of formats that nothing checks': async (api) => {
    const schema = specOf({ a: { type: 'string', format: 'postcode' } });
    const answer = await api.quiet('POST', `${crds}?dryRun=All`, definition(api, [version(schema)]));
    expect(answer.warnings).toEqual([expect.stringMatching(/^unrecognized format .*postcode/)]);
    api.note('warnings', answer.warnings);
  },
});
