import { waitFor } from '@polarstack/base';
import { expect } from 'vitest';
import { topic } from '../case.ts';
import { textAt } from '../json.ts';

export const finishingCases = topic('namespaces/finalize', {
  'sets the finalizers of the spec, once it is meant': async (api) => {
    const name = `${api.namespace}-held`;
    const path = `/api/v1/namespaces/${name}`;
    await api.quiet('POST', '/api/v1/namespaces', { metadata: { name } });
    const wanted = (finalizers: readonly string[], more: object = {}): object => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, ...more },
      spec: { finalizers },
    });
    const held = ['kubernetes', 'example.com/held'];
    const dry = await api.call('PUT', `${path}/finalize?dryRun=All`, wanted(held));
    expect(dry.body).toMatchObject({ spec: { finalizers: held } });
    expect((await api.quiet('GET', path)).body).toMatchObject({ spec: { finalizers: ['kubernetes'] } });
    expect((await api.brief('PUT', `${path}/finalize?dryRun=Some`, wanted(held))).code).toBe(422);
    const set = await api.call('PUT', `${path}/finalize?fieldManager=keeper`, wanted(held));
    expect(set.body).toMatchObject({ spec: { finalizers: held } });
    expect((await api.call('PUT', `${path}/finalize`, wanted([], { resourceVersion: '1' }))).code).toBe(409);
    expect((await api.brief('PUT', `${path}/finalize`, { ...wanted(held), metadata: { name: 'other' } })).code).toBe(
      400,
    );
    expect(
      (
        await api.brief('PUT', '/api/v1/namespaces/none-such/finalize', {
          ...wanted([]),
          metadata: { name: 'none-such' },
        })
      ).code,
    ).toBe(404);
    expect((await api.call('GET', `${path}/finalize`)).code).toBe(405);
    expect((await api.call('PATCH', `${path}/finalize`, {})).code).toBe(405);
    await api.quiet('DELETE', path);
    // What its controller has found out by then differs from moment to moment: no part of the transcript.
    await waitFor(
      'it to end',
      async () => textAt((await api.quiet('GET', path)).body, 'status', 'phase') === 'Terminating' || undefined,
      { signal: new AbortController().signal, timeoutMs: 60_000, intervalMs: 20 },
    );
    await api.quiet('PUT', `${path}/finalize`, wanted([]));
    await api.until(path, ({ code }) => code === 404);
  },
});
