import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultAuditPolicy } from '@polarstack/kube-server';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readAuditPolicy } from './audit-policy.ts';

let folder: string;
let auditPolicy: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'polarstack-policy-'));
  auditPolicy = join(folder, 'audit-policy.yaml');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('the policy of a home is its file, or the default where there is none', () => {
  expect(readAuditPolicy({ auditPolicy })).toBe(defaultAuditPolicy);
  writeFileSync(auditPolicy, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n');
  expect(readAuditPolicy({ auditPolicy }).rules).toHaveLength(1);
});

it('a file that cannot be obeyed is refused by its name', () => {
  writeFileSync(auditPolicy, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Request}]\n');
  expect(() => readAuditPolicy({ auditPolicy })).toThrow(/audit-policy\.yaml: .*bodies/);
  rmSync(auditPolicy);
  mkdirSync(auditPolicy);
  expect(() => readAuditPolicy({ auditPolicy })).toThrow(/audit-policy\.yaml: EISDIR/);
});
