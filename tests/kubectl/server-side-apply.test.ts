import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { definition, type KubectlLab, ship, startLab } from './harness.ts';

const map = (name: string, data: string): string =>
  `---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}}, data: ${data}}`;

describe.skipIf(missing('kubectl'))('kubectl on the server side', () => {
  let lab: KubectlLab;
  beforeAll(async () => {
    lab = await startLab();
    await lab.ok(['apply', '--server-side', '-f', '-'], definition);
    await lab.ok(['wait', '--for=condition=Established', 'crd/ships.lab.example.com', '--timeout=30s']);
  });
  afterAll(async () => {
    await lab?.stop();
  });

  const apply = (input: string, ...args: readonly string[]) =>
    lab.kubectl(['apply', '--server-side', '-f', '-', ...args], { input });
  const managers = async (...object: readonly string[]): Promise<readonly string[]> => {
    const path = 'jsonpath={range .metadata.managedFields[*]}{.manager} {.operation} {.fieldsV1}{"\\n"}{end}';
    return (await lab.ok(['get', ...object, '-o', path])).trim().split('\n').toSorted();
  };

  it('creates, applies again, and takes away what is no more in the file', async () => {
    expect((await apply(map('plain', '{a: "1", b: "1"}'))).stdout).toBe('configmap/plain serverside-applied\n');
    const version = await lab.ok(['get', 'cm', 'plain', '-o', 'jsonpath={.metadata.resourceVersion}']);
    expect((await apply(map('plain', '{a: "1", b: "1"}'))).code).toBe(0);
    expect(await lab.ok(['get', 'cm', 'plain', '-o', 'jsonpath={.metadata.resourceVersion}'])).toBe(version);
    expect((await apply(map('plain', '{a: "2"}'))).code).toBe(0);
    expect(await lab.ok(['get', 'cm', 'plain', '-o', 'jsonpath={.data}'])).toBe('{"a":"2"}');
    expect(await managers('cm', 'plain')).toEqual(['kubectl Apply {"f:data":{"f:a":{}}}']);
  });

  it('stops at conflicts, and forces them', async () => {
    await apply(map('fought', '{a: "1"}'));
    const said = await apply(map('fought', '{a: "2"}'), '--field-manager=other');
    expect(said.code).toBe(1);
    expect(said.stderr).toContain('error: Apply failed with 1 conflict: conflict with "kubectl": .data.a\n');
    expect(said.stderr).toContain('--force-conflicts');
    expect((await apply(map('fought', '{a: "2"}'), '--field-manager=other', '--force-conflicts')).code).toBe(0);
    expect(await managers('cm', 'fought')).toEqual(['other Apply {"f:data":{"f:a":{}}}']);
  });

  it('shows managed fields only when asked', async () => {
    await apply(map('shown', '{a: "1"}'));
    expect(await lab.ok(['get', 'cm', 'shown', '-o', 'yaml'])).not.toContain('managedFields');
    const shown = await lab.ok(['get', 'cm', 'shown', '-o', 'yaml', '--show-managed-fields']);
    expect(shown).toContain('managedFields:');
    expect(shown).toContain('manager: kubectl');
    expect(shown).toContain('operation: Apply');
  });

  it('shows differences without changing anything', async () => {
    await apply(map('compared', '{a: "1"}'));
    const same = await lab.kubectl(['diff', '--server-side', '-f', '-'], { input: map('compared', '{a: "1"}') });
    expect(same).toMatchObject({ code: 0, stdout: '' });
    const diff = await lab.kubectl(['diff', '--server-side', '-f', '-'], { input: map('compared', '{a: "2"}') });
    expect(diff.code).toBe(1);
    expect(diff.stdout).toContain('+  a: "2"');
    expect(await lab.ok(['get', 'cm', 'compared', '-o', 'jsonpath={.data.a}'])).toBe('1');
    expect((await apply(map('compared', '{a: "2"}'), '--dry-run=server')).stdout).toBe(
      'configmap/compared serverside-applied (server dry run)\n',
    );
    expect(await lab.ok(['get', 'cm', 'compared', '-o', 'jsonpath={.data.a}'])).toBe('1');
  });

  it('takes over what was applied on the client side', async () => {
    await lab.ok(['apply', '-f', '-'], map('moved', '{a: "1", b: "1"}'));
    expect((await managers('cm', 'moved'))[0]).toMatch(/^kubectl-client-side-apply Update /);
    const moved = await apply(map('moved', '{a: "2"}'));
    expect(moved.stderr).toBe('');
    expect(moved.code).toBe(0);
    expect(await lab.ok(['get', 'cm', 'moved', '-o', 'jsonpath={.data}'])).toBe('{"a":"2"}');
    expect((await managers('cm', 'moved')).map((line) => line.split(' {')[0])).toEqual([
      'kubectl Apply',
      'kubectl-last-applied Apply',
    ]);
    // And back: the annotation says what was applied last.
    await lab.ok(['apply', '-f', '-'], map('moved', '{b: "3"}'));
    expect(await lab.ok(['get', 'cm', 'moved', '-o', 'jsonpath={.data}'])).toBe('{"b":"3"}');
  });

  it('leaves fields of controllers alone', async () => {
    await apply(ship('sailing', '{port: kiel, crew: 3}'));
    await lab.ok(['scale', 'ship', 'sailing', '--replicas=5']);
    const said = await apply(ship('sailing', '{port: kiel, crew: 3}'));
    expect(said.stderr).toContain(
      'conflict with "kubectl" with subresource "scale" using lab.example.com/v1: .spec.crew',
    );
    expect((await apply(ship('sailing', '{port: kiel}'))).code).toBe(0);
    expect(await lab.ok(['get', 'ship', 'sailing', '-o', 'jsonpath={.spec}'])).toBe('{"crew":5,"port":"kiel"}');
    const status = `${ship('sailing', '{crew: 5}')}status: {crew: 4}\n`;
    expect((await apply(status, '--subresource=status', '--field-manager=captain')).code).toBe(0);
    expect(await lab.ok(['get', 'ship', 'sailing', '-o', 'jsonpath={.status.crew}'])).toBe('4');
  });

  it('says what is wrong with a file', async () => {
    expect((await apply(ship('wrong', '{crew: 3, bogus: 1}'))).stderr).toContain(
      '.spec.bogus: field not declared in schema',
    );
    expect((await apply(ship('wrong', '{crew: 101}'))).stderr).toContain('should be less than or equal to 100');
  });
});
