import { X509Certificate } from 'node:crypto';
import { waitFor } from '@polarstack/base';
import { onTestFinished } from 'vitest';
import { createScene } from './scene.ts';

/** A cluster `demo` that works, with its operator; everything ends with the test. */
export async function mendingScene() {
  const s = await createScene();
  onTestFinished(async () => await s.close());
  await s.start();
  await s.create('demo');
  await s.until('demo', 'Ready', 'True');
  const eventually = async <T>(what: string, check: () => Promise<T | undefined> | T | undefined): Promise<T> =>
    await waitFor(what, async () => await check(), { signal: s.signal, timeoutMs: 30_000, intervalMs: 5 });
  return { s, eventually };
}

/** What a certificate is valid for. */
export const namesOf = (pem: string): string => new X509Certificate(pem).subjectAltName ?? '';
