import { Agent } from 'node:https';
import { createAuthority, issueCertificate, type KeyPair } from '@polarstack/pki';

/** A certificate authority for one test server, with the pair it serves and an administrator's. */
export interface Identity {
  readonly caPem: string;
  readonly serving: KeyPair;
  readonly admin: KeyPair;
  issue(user: string, groups: readonly string[]): Promise<KeyPair>;
}

export async function createIdentity(): Promise<Identity> {
  const now = new Date();
  const authority = await createAuthority({ commonName: 'contract', days: 1, now });
  const issue: Identity['issue'] = (commonName, organizations) =>
    issueCertificate({ authority, commonName, organizations, usages: ['client'], days: 1, now });
  const serving = await issueCertificate({
    authority,
    commonName: 'kube-apiserver',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
    now,
  });
  return { caPem: authority.certPem, serving, admin: await issue('contract-admin', ['system:masters']), issue };
}

export function agentOf({ caPem, admin }: Identity): Agent {
  return new Agent({ keepAlive: true, ca: caPem, cert: admin.certPem, key: admin.keyPem });
}
