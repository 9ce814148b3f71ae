import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSession } from './session.ts';

test('a session that is aborted while it connects says so, though the engine says nothing', async () => {
  const socketDir = mkdtempSync(join(tmpdir(), 'ps-session-'));
  const stop = new AbortController();
  const silent = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => stop.abort());
  });
  await new Promise<void>((resolve) => silent.listen(join(socketDir, '.s.PGSQL.5432'), resolve));
  const limits = { connectTimeoutMs: 600_000, queryTimeoutMs: 600_000 };
  await expect(openSession({ socketDir, port: 5432, ...limits, signal: stop.signal })).rejects.toMatchObject({
    code: 'EngineNotRunning',
  });
  await new Promise((resolve) => silent.close(resolve));
  rmSync(socketDir, { recursive: true });
});
