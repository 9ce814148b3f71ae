import { X509Certificate } from 'node:crypto';
import { type LeafSpec, secretValue } from '@polarstack/domain';
import { isDueForRenewal } from '@polarstack/pki';
import type { Secret } from 'kubernetes-types/core/v1.js';

/** Why a certificate has to be issued (again); undefined where the one in the Secret serves. */
export function reasonToIssue(
  spec: LeafSpec,
  secret: Secret | undefined,
  caPem: string,
  now: Date,
): 'missing' | 'unreadable' | 'other authority' | 'due' | 'names' | undefined {
  if (!secret) return 'missing';
  const [cert, key, ca] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) => secretValue(secret, name));
  if (!cert || !key) return 'unreadable';
  if (ca !== caPem) return 'other authority';
  const certificate = parse(cert);
  if (!certificate) return 'unreadable';
  if (!certificate.verify(new X509Certificate(caPem).publicKey)) return 'other authority';
  // Not valid yet: it was issued by a clock that was ahead and has been set back since.
  if (isDueForRenewal(cert, now) || now.getTime() < Date.parse(certificate.validFrom)) return 'due';
  const names = new Set((certificate.subjectAltName ?? '').split(', '));
  const wanted = [...spec.dnsNames.map((name) => `DNS:${name}`), ...spec.ipAddresses.map((ip) => `IP Address:${ip}`)];
  return wanted.every((name) => names.has(name)) ? undefined : 'names';
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
