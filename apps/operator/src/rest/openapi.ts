import { buildCrds } from '@polarstack/api';
import { z } from 'zod';
import { type Route, routes } from './routes.ts';

const text = { type: 'string' } as const;
const list = (items: object) => ({
  type: 'object',
  required: ['items'],
  properties: { items: { type: 'array', items } },
});
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** The schema of a kind, as its definition has it. */
function kind(name: string): object {
  const definition = buildCrds().find(({ spec }) => spec.names.kind === name);
  return definition?.spec.versions[0]?.schema.openAPIV3Schema ?? {};
}

const problem = {
  description: 'What went wrong, as RFC 9457 has it, with the words of the error table.',
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'remedy', 'retry'],
  properties: {
    type: { ...text, description: 'urn:polarstack:error:CODE' },
    title: { ...text, description: 'What the code means.' },
    status: { type: 'integer' },
    detail: { ...text, description: 'What happened.' },
    instance: { ...text, description: 'The path that was called.' },
    code: { ...text, description: 'A code of the error table.' },
    remedy: { ...text, description: 'What to do about it.' },
    retry: { enum: ['never', 'later', 'now'] },
    problems: { type: 'array', items: text, description: 'Each thing that is wrong with the body.' },
  },
};

const step = { type: 'object', properties: { step: text, description: text, interrupts: text } };
const plan = {
  type: 'object',
  required: ['outcome'],
  properties: {
    outcome: { enum: ['plan', 'nothing', 'refused'] },
    steps: { type: 'array', items: step },
    checks: { type: 'array', items: text },
    restarts: { type: 'array', items: text, description: 'insIds, in that order.' },
    moves: { type: 'array', items: { type: 'object', properties: { instance: text, from: text, to: text } } },
    writePauses: {
      type: 'array',
      items: { type: 'object', properties: { reason: text, expectedMs: { type: 'integer' } } },
    },
    risks: { type: 'array', items: text },
    message: { ...text, description: 'nothing, refused: why.' },
    code: { ...text, description: 'refused: a code of the error table.' },
    remedy: { ...text, description: 'refused: what to do about it.' },
  },
};
const level = { enum: ['wrong', 'waits', 'busy', 'note', 'fine'] };
const fact = {
  type: 'object',
  properties: { level, subject: text, what: text, code: text, since: text, help: text, operation: text },
};
const event = {
  type: 'object',
  properties: {
    at: { type: ['string', 'null'] },
    type: text,
    reason: text,
    message: text,
    count: { type: 'integer' },
    about: { type: 'object', properties: { kind: text, name: text } },
  },
};

/** The OpenAPI 3.1 document of the REST API. */
export function openApi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'REST API of the PolarDB Stack operator',
      version: '1',
      description: 'Clusters, their operations and plans. Errors are problem details; every call needs a bearer token.',
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'Made by `polarstack token create`; scopes read and operate.',
        },
      },
      schemas: {
        Cluster: kind('MPDCluster'),
        ClusterList: list(ref('Cluster')),
        Operation: kind('MPDOperation'),
        OperationList: list(ref('Operation')),
        EventList: list(event),
        Plan: plan,
        Why: {
          type: 'object',
          required: ['level', 'sentence', 'facts'],
          properties: { level, sentence: text, facts: { type: 'array', items: fact } },
        },
        OriginalOk: { type: 'object', properties: { status: { const: 'ok' }, msg: { type: 'object' } } },
        Problem: problem,
      },
    },
  };
}

function operationOf({
  id,
  path,
  scope,
  summary,
  query = {},
  body,
  answers,
  idempotent,
  original,
  run,
}: Route): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: text,
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: text,
  }));
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'The same key again is the same call.',
    schema: text,
  };
  const last = {
    name: 'Last-Event-ID',
    in: 'header',
    description: 'The id of the last event that came.',
    schema: text,
  };
  const success = Object.entries(answers).map(([status, { description, schema }]) => [
    status,
    {
      description,
      ...(schema && { content: { 'application/json': { schema: ref(schema) } } }),
      ...(run === 'stream' && { content: { 'text/event-stream': { schema: text } } }),
    },
  ]);
  const failure = original
    ? { description: 'In words: 400 for the body, 500 for anything else.', content: { 'text/plain': { schema: text } } }
    : { description: 'A problem.', content: { 'application/problem+json': { schema: ref('Problem') } } };
  return {
    operationId: id,
    summary,
    description: `Needs scope ${scope}.`,
    parameters: [...inPath, ...inQuery, ...(idempotent ? [key] : []), ...(run === 'stream' ? [last] : [])],
    ...(body && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: z.toJSONSchema(body, { target: 'draft-2020-12', io: 'input' }) } },
      },
    }),
    responses: { ...Object.fromEntries(success), default: failure },
  };
}
