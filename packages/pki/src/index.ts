export {
  type AuthorityRequest,
  createAuthority,
  issueCertificate,
  type KeyPair,
  type LeafRequest,
} from './certificates.ts';
export { isDueForRenewal, notAfter } from './renewal.ts';
