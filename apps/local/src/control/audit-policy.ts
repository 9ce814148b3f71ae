import { readFileSync } from 'node:fs';
import { StackError } from '@polarstack/base';
import { type AuditPolicy, defaultAuditPolicy, parsePolicy } from '@polarstack/kube-server';
import type { Home } from '../home/home.ts';

/**
 * What the user wants to be written to the audit log, from `audit-policy.yaml` in the home; the default where there is
 * no such file. Throws `AuditPolicyInvalid`: a home that writes less than its owner asked for would be worse than one
 * that says so and does not start.
 */
export function readAuditPolicy({ auditPolicy: path }: Pick<Home, 'auditPolicy'>): AuditPolicy {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return defaultAuditPolicy;
    throw unusable(path, error);
  }
  try {
    return parsePolicy(text);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): StackError {
  return new StackError('AuditPolicyInvalid', `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
  });
}
