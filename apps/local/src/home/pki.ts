/**
 * The certificates of a home's API: an authority of its own, the server's, and one for each identity that calls it.
 * They are made on the first start, and a leaf is replaced on a later start once two thirds of its life are over.
 */
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import { createAuthority, isDueForRenewal, issueCertificate, type KeyPair, type LeafRequest } from '@polarstack/pki';
import { writeFileAtomic } from '../machine/atomic-file.ts';

const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 730;

const components = ['polarstack:components'] as const;
/** Who may call the API: the certificate's subject says so. */
const identities = {
  admin: { commonName: 'polarstack-admin', organizations: ['system:masters'] },
  operator: { commonName: 'polarstack-operator', organizations: components },
  'node-runtime': { commonName: 'polarstack-node-runtime', organizations: components },
  proxy: { commonName: 'polarstack-proxy', organizations: ['polarstack:proxy'] },
  // Its rights are those of its role, `deploy/rbac`.
  'cluster-manager': { commonName: 'polarstack-cluster-manager', organizations: ['polarstack:cluster-manager'] },
} as const;

export type Identity = keyof typeof identities;

export interface HomePki {
  readonly caPem: string;
  readonly server: KeyPair;
  readonly clients: Readonly<Record<Identity, KeyPair>>;
}

/** Reads the certificates below `folder`, making or renewing what is missing or due. */
export async function ensurePki(folder: string, address: string, now: Date): Promise<HomePki> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const authority =
    readPair(folder, 'ca') ??
    writePair(folder, 'ca', await createAuthority({ commonName: 'polarstack-local', days: AUTHORITY_DAYS, now }));
  mustHaveBegun(authority.certPem, now);
  const leaf = async (name: string, request: Pick<LeafRequest, 'commonName' | 'usages'> & Partial<LeafRequest>) => {
    const present = readPair(folder, name);
    if (present && !isDueForRenewal(present.certPem, now) && serves(present.certPem, request)) return present;
    return writePair(folder, name, await issueCertificate({ ...request, authority, days: LEAF_DAYS, now }));
  };
  const server = await leaf('server', {
    commonName: 'polarstack-api',
    dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    ipAddresses: [address],
    usages: ['server'],
  });
  const client = (who: Identity): Promise<KeyPair> => leaf(`client-${who}`, { ...identities[who], usages: ['client'] });
  const [admin, operator, nodeRuntime, proxy, clusterManager] = await Promise.all([
    client('admin'),
    client('operator'),
    client('node-runtime'),
    client('proxy'),
    client('cluster-manager'),
  ]);
  return {
    caPem: authority.certPem,
    server,
    clients: { admin, operator, 'node-runtime': nodeRuntime, proxy, 'cluster-manager': clusterManager },
  };
}

/** A certificate that is not valid yet would make every connection fail with a message that explains nothing. */
function mustHaveBegun(certPem: string, now: Date): void {
  const from = new Date(new X509Certificate(certPem).validFrom);
  if (now.getTime() >= from.getTime()) return;
  throw new StackError(
    'ClockSetBack',
    `the clock says ${now.toISOString()}; the home's certificates begin at ${from.toISOString()}`,
  );
}

/** False where the home's address has changed since (a home copied elsewhere), or the groups of an identity. */
function serves(certPem: string, { ipAddresses = [], organizations = [] }: Partial<LeafRequest>): boolean {
  const certificate = new X509Certificate(certPem);
  const groups = certificate.subject.split('\n').filter((line) => line.startsWith('O='));
  if (groups.length !== organizations.length || !organizations.every((one) => groups.includes(`O=${one}`)))
    return false;
  return ipAddresses.every((address) => certificate.checkIP(address) !== undefined);
}

function readPair(folder: string, name: string): KeyPair | undefined {
  const [certificate, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  if (!existsSync(certificate) || !existsSync(key)) return undefined;
  return { certPem: readFileSync(certificate, 'utf8'), keyPem: readFileSync(key, 'utf8') };
}

/** The key first: a certificate without its key is never read as a pair. */
function writePair(folder: string, name: string, pair: KeyPair): KeyPair {
  writeFileAtomic(join(folder, `${name}.key`), pair.keyPem, { mode: 0o600 });
  writeFileAtomic(join(folder, `${name}.crt`), pair.certPem, { mode: 0o600 });
  return pair;
}
