import { readFileSync } from 'node:fs';
import { writeFileAtomic } from '../machine/atomic-file.ts';
import type { Route } from './routes.ts';

/** The routes of the proxy's last run, so that it serves before the API server answers; none where there is no file. */
export function readRoutes(path: string): readonly Route[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const { format, routes } = JSON.parse(text) as { readonly format: number; readonly routes: readonly Route[] };
  return format === 1 ? routes : [];
}

export function writeRoutes(path: string, routes: readonly Route[]): void {
  writeFileAtomic(path, `${JSON.stringify({ format: 1, routes })}\n`, { mode: 0o600 });
}
