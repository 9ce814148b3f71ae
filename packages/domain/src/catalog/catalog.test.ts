import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isStackError } from '@polarstack/base';
import { describe, expect, it } from 'vitest';
import { checkParameter, checkValue } from '../parameters/check.ts';
import { unquote } from '../parameters/quoting.ts';
import { readClasses } from './classes.ts';
import type { CatalogConfigMap } from './config-map.ts';
import { catalogMajors, loadCatalog } from './manifests.ts';
import { readTemplate, templateName } from './template.ts';
import { chooseVersion, readVersions } from './versions.ts';

const folder = fileURLToPath(new URL('../../../../deploy/catalog/', import.meta.url));
const read = (file: string) => readFileSync(folder + file, 'utf8');
const catalog = loadCatalog(read);
const templateOf = (major: number) => {
  const found = catalog.find(({ metadata }) => metadata.name === templateName(major));
  if (!found) throw new Error(`no template ${major}`);
  return readTemplate(found);
};
const code = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return isStackError(error) ? `${error.code}: ${error.message}` : String(error);
  }
  return 'no error';
};

describe('the shipped catalog', () => {
  it('holds system settings, classes and a template for each major, all in kube-system', () => {
    expect(new Set(catalog.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['kube-system']));
    const names = catalog.map(({ metadata }) => metadata.name);
    expect(new Set(names).size).toBe(names.length);
    for (const major of catalogMajors) expect(names).toContain(templateName(major));
    for (const name of ['controller-config', 'instance-system-resources', 'polardb4mpd-controller']) {
      expect(names).toContain(name);
    }
  });

  it('can be loaded for the majors that are needed', () => {
    const some = loadCatalog(read, [15, 99]).map(({ metadata }) => metadata.name);
    expect(some.filter((name) => name.endsWith('mycnf-template'))).toEqual([templateName(15)]);
  });

  it('has the three classes, whose parameters exist in every major and may be set', () => {
    const classes = readClasses(catalog);
    expect([...classes.keys()].sort()).toEqual(['local.large', 'local.medium', 'local.small']);
    expect(classes.get('local.small')).toMatchObject({
      displayName: '1 CPU, 512 MiB',
      cpu: { limit: 1, request: 0.1 },
      memory: { limit: 512, request: 128 },
      storage: 10_240,
    });
    for (const { name, parameters, memory } of classes.values()) {
      expect(Object.keys(parameters).length, name).toBeGreaterThan(5);
      expect(memory.request, name).toBeLessThanOrEqual(memory.limit ?? 0);
      for (const major of catalogMajors) {
        for (const [parameter, value] of Object.entries(parameters)) {
          expect(checkParameter(templateOf(major), parameter, value), `${name} ${major} ${parameter}`).toBeUndefined();
        }
      }
    }
  });

  it.each(catalogMajors)('template %d: every default is a value that the template itself allows', (major) => {
    const template = templateOf(major);
    expect(template.major).toBe(major);
    expect(template.items.length).toBeGreaterThan(300);
    for (const item of template.items) expect(checkValue(item, item.defaultValue)?.message).toBeUndefined();
  });

  it.each(catalogMajors)('template %d: what the stack owns is locked, what users tune is not', (major) => {
    const template = templateOf(major);
    const owned = [
      'listen_addresses',
      'port',
      'ssl',
      'ssl_key_file',
      'unix_socket_directories',
      'hba_file',
      'ident_file',
      'data_directory',
      'primary_conninfo',
      'primary_slot_name',
      'synchronous_standby_names',
      'restart_after_crash',
      'hot_standby',
      'logging_collector',
      'recovery_target',
      'archive_command',
      'restore_command',
      'fsync',
      'full_page_writes',
      'password_encryption',
      'zero_damaged_pages',
    ];
    for (const name of owned) expect(template.find(name)?.isUserChangeable, name).toBe(false);
    for (const name of ['work_mem', 'shared_buffers', 'max_connections', 'TimeZone', 'log_statement', 'autovacuum']) {
      expect(template.find(name)?.isUserChangeable, name).toBe(true);
    }
    expect(template.find('wal_level')?.optional).toBe('[replica|logical]');
    expect(unquote(template.find('restart_after_crash')?.defaultValue ?? '')).toBe('off');
    expect(template.find('timezone')?.name).toBe('TimeZone');
  });
});

describe('reading a template', () => {
  const configMap = (text: string): CatalogConfigMap => ({
    metadata: { name: 't', labels: { dbVersion: '15' } },
    data: { mycnf_template: text },
  });
  const asYaml = `- name: work_mem
  default_value: "4096"
  is_dynamic: 1
  is_visible: 1
  is_user_changable: 1
  optional: "[64-2147483647]"
  unit: INT
  divide_base: 1
  is_deleted: 0
  comment: 'c'
- name: gone
  default_value: "1"
  is_deleted: 1
`;

  it("takes the original's YAML as well as one JSON item a line, and leaves out deleted items", () => {
    const [item] = readTemplate(configMap(asYaml)).items;
    const line = `- {"name":"work_mem","default_value":"4096","is_dynamic":1,"is_visible":1,"is_user_changable":1,"optional":"[64-2147483647]","unit":"INT","comment":"c"}\n`;
    expect(readTemplate(configMap(line)).items).toEqual([item]);
    expect(readTemplate(configMap(asYaml)).find('GONE')).toBeUndefined();
    expect(item).toMatchObject({ name: 'work_mem', isDynamic: true, isUserChangeable: true, type: 'INT' });
  });

  it.each([
    ['- {"name": }', 'CatalogInvalid: ConfigMap t: mycnf_template is not YAML'],
    ['name: x', 'CatalogInvalid: ConfigMap t: mycnf_template is not a list'],
    ['- {"default_value":"1"}', 'CatalogInvalid: ConfigMap t: item 1 has no name'],
    ['- {"name":"a","optional":"^("}', 'CatalogInvalid: ConfigMap t: item 1 (a): ^( is not a regular expression'],
    ['- {"name":"a","unit":{}}', 'CatalogInvalid: ConfigMap t: item 1: unit is neither text nor a number'],
  ])('%s is refused', (text, message) => {
    expect(code(() => readTemplate(configMap(text)))).toContain(message);
  });

  it('names the ConfigMap that lacks its key', () => {
    expect(code(() => readTemplate({ metadata: { name: 't' } }))).toContain('ConfigMap t: has no key mycnf_template');
  });
});

describe('reading classes', () => {
  const entry = (name: string, leveltype: string, data: Record<string, string>, mode = 'Local'): CatalogConfigMap => ({
    metadata: { name, labels: { configtype: 'instance_level', leveltype, dbClusterMode: mode, classKey: 'c' } },
    data,
  });

  it('leaves absent keys absent, and ignores classes for shared storage', () => {
    const classes = readClasses([
      entry('r', 'instance_level_resource', { cpu_cores: '2' }),
      entry('s', 'instance_level_resource', { cpu_cores: '8' }, 'WriteReadMore'),
    ]);
    expect([...classes.values()]).toEqual([
      { name: 'c', displayName: 'c', cpu: { limit: 2 }, memory: {}, parameters: {} },
    ]);
  });

  it('refuses a class that is there twice and a number that is none', () => {
    const twice = ['a', 'b'].map((name) => entry(name, 'instance_level_resource', {}));
    expect(code(() => readClasses(twice))).toBe('CatalogInvalid: ConfigMap b: describes class c, as ConfigMap a does');
    const wrong = [entry('r', 'instance_level_resource', { cpu_cores: 'two' })];
    expect(code(() => readClasses(wrong))).toBe('CatalogInvalid: ConfigMap r: cpu_cores: "two" is no number');
  });
});

describe('versions', () => {
  const version = (major: number, exact: string, mode = 'Local'): CatalogConfigMap => ({
    metadata: {
      name: `postgresql-${major}-minor-version-info-local`,
      labels: { configtype: 'minor_version_info', dbClusterMode: mode, dbVersion: String(major) },
    },
    data: { name: `pg${major}`, version: exact, pgEngineImage: `polarstack/postgres:${major}` },
  });
  const versions = readVersions([
    version(13, '13.9'),
    version(17, '17.10'),
    version(15, '15.18'),
    version(1, '1.0', 'WriteReadMore'),
    version(12, '12.22'),
    version(99, '99.1'),
  ]);

  it('come newest first, without majors that have no template', () => {
    expect(versions.map((entry) => entry.version)).toEqual(['17.10', '15.18', '13.9']);
  });

  it.each([
    [{}, '17.10'],
    [{ engine: { version: '15' } }, '15.18'],
    [{ engine: { version: '15.18' } }, '15.18'],
    [{ engine: { version: '15.1' } }, undefined],
    [{ engine: { version: '1' } }, undefined],
    [{ versionCfg: { versionName: 'pg13' } }, '13.9'],
    [{ versionCfg: { versionName: '' } }, '17.10'],
    [{ versionCfg: { versionName: 'pg13' }, engine: { version: '15' } }, undefined],
  ])('%j chooses %s', (spec, expected) => {
    expect(chooseVersion(spec, versions)?.version).toBe(expected);
  });

  it('need an image', () => {
    const broken = {
      metadata: { name: 'v', labels: { configtype: 'minor_version_info', dbClusterMode: 'Local', dbVersion: '15' } },
    };
    expect(code(() => readVersions([broken]))).toBe('CatalogInvalid: ConfigMap v: has no engine image');
  });
});
