import { X509Certificate } from 'node:crypto';

/** When a certificate ends. */
export function notAfter(certPem: string): Date {
  return new Date(new X509Certificate(certPem).validTo);
}

/** True once two thirds of the certificate's life are over: the time to replace it without hurry. */
export function isDueForRenewal(certPem: string, now: Date): boolean {
  const certificate = new X509Certificate(certPem);
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  return now.getTime() >= from + ((to - from) * 2) / 3;
}
