import type { KeyPair } from '@polarstack/pki';
import { stringify } from 'yaml';

/** A kubeconfig for one identity: a file of its own that merges with nothing the user has. */
export function renderKubeconfig(options: {
  readonly server: string;
  readonly caPem: string;
  readonly client: KeyPair;
  readonly user: string;
}): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'polarstack',
    clusters: [
      {
        name: 'polarstack',
        cluster: { server: options.server, 'certificate-authority-data': base64(options.caPem) },
      },
    ],
    users: [
      {
        name: options.user,
        user: {
          'client-certificate-data': base64(options.client.certPem),
          'client-key-data': base64(options.client.keyPem),
        },
      },
    ],
    contexts: [{ name: 'polarstack', context: { cluster: 'polarstack', user: options.user, namespace: 'default' } }],
  });
}
