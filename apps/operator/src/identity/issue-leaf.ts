import { buildSecret, type ClusterFacts, LEAF_DAYS, type LeafSpec } from '@polarstack/domain';
import { issueCertificate, type KeyPair } from '@polarstack/pki';
import type { Secret } from 'kubernetes-types/core/v1.js';

/** A new certificate as the Secret that the pods mount. */
export async function issueLeaf(
  owner: Pick<ClusterFacts, 'name' | 'namespace' | 'uid'>,
  authority: KeyPair,
  spec: LeafSpec,
  now: Date,
): Promise<Secret> {
  const { certPem, keyPem } = await issueCertificate({
    authority,
    commonName: spec.commonName,
    dnsNames: spec.dnsNames,
    ipAddresses: spec.ipAddresses,
    usages: [spec.usage],
    days: LEAF_DAYS,
    now,
  });
  const values = { 'ca.crt': authority.certPem, 'tls.crt': certPem, 'tls.key': keyPem };
  return buildSecret(owner, spec.secret, values, 'kubernetes.io/tls');
}
