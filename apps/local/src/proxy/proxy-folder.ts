import { join } from 'node:path';

/** The files of the proxy's own folder `<home>/proxy`. */
export const proxyFiles = (folder: string) =>
  ({
    /** Written by control: how the proxy reaches the API, a KubeConnection as JSON. */
    connection: join(folder, 'connection.json'),
    /** Written by the proxy: which process it is; see `process-identity.ts`. */
    state: join(folder, 'proxy.json'),
    routes: join(folder, 'routes.json'),
    log: join(folder, 'proxy.log'),
    /** What the process prints outside of its log: the runtime's own last words. */
    output: join(folder, 'proxy.out'),
  }) as const;
