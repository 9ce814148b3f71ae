import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Identity } from './identity.ts';

/** Writes `<folder>/kubeconfig` for the administrator of a server and answers its path. */
export async function writeKubeconfig(folder: string, identity: Identity, server: string): Promise<string> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const path = join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': base64(identity.caPem) } }],
    users: [
      {
        name: 'admin',
        user: {
          'client-certificate-data': base64(identity.admin.certPem),
          'client-key-data': base64(identity.admin.keyPem),
        },
      },
    ],
  };
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}
