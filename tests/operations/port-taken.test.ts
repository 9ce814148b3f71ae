/** Another program takes the port of an engine on the host network, in the moment in which it restarts. */
import { createServer, type Server } from 'node:net';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMembersScene, type MembersScene } from './members-scene.ts';
import { succeeded } from './replace-scene.ts';

const LIMIT_MS = 400_000;
const PORT = 5510;

/** Listens as soon as nobody else does. */
async function squat(host: string, signal: AbortSignal): Promise<Server> {
  for (;;) {
    signal.throwIfAborted();
    const server = createServer((socket) => socket.destroy());
    const taken = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen({ host, port: PORT, exclusive: true }, () => resolve(true));
    });
    if (taken) return server;
  }
}

describe.skipIf(missing('postgres') || missing('kubectl'))('a port that is taken', () => {
  let scene: MembersScene;
  beforeAll(async () => {
    scene = await createMembersScene('ports', { followerNum: 1, netCfg: { engineStartPort: PORT } });
  }, LIMIT_MS);
  afterAll(async () => await scene.close(), LIMIT_MS);

  test(
    'the restart is tried again, then stops and says why; when the port is free, Resume finishes',
    async () => {
      const leader = await scene.leader();
      const replica = (await scene.ids()).find((id) => id !== leader) ?? '';
      const { dbInstanceStatus = {} } = (await scene.cluster()).status ?? {};
      const stop = new AbortController();
      const squatting = squat(dbInstanceStatus[replica]?.netInfo?.workingHostIP ?? '', stop.signal);
      let server: Server | undefined;
      try {
        const operation = await scene.operate('RestartIns', { instance: replica });
        server = await squatting;
        expect(operation.status).toMatchObject({
          phase: 'Interrupted',
          error: { code: 'EngineStartFailed', remedy: expect.stringMatching(/\S/) },
        });
        expect(operation.status?.error?.message).toMatch(/Address already in use|could not bind|could not create any/);
        expect(operation.status?.steps?.[0]?.attempts).toBeGreaterThan(1);
        expect(await scene.leader()).toBe(leader);
        await new Promise((resolve) => server?.close(resolve));
        succeeded(await scene.resume(operation));
        await scene.ready();
      } finally {
        stop.abort();
        await squatting.catch(() => undefined);
        server?.close();
      }
    },
    LIMIT_MS,
  );
});
