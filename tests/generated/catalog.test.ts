import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  checkParameter,
  initialParameters,
  loadCatalog,
  type ParameterTemplate,
  readClasses,
  readTemplate,
  type TemplateItem,
  templateName,
} from '@polarstack/domain';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  findServer,
  majors,
  openServer,
  type PgSetting,
  readSettings,
  type SingleUserServer,
} from '../../scripts/catalog/pg-settings.ts';
import { ofSomeBuilds, preloadedOnly } from '../../scripts/catalog/policy.ts';
import { templateManifest } from '../../scripts/catalog/template.ts';

/** The catalog against the servers that it describes: those installed here and those of `tests/majors`. */
const folder = fileURLToPath(new URL('../../deploy/catalog/', import.meta.url));
const read = (file: string) => readFileSync(folder + file, 'utf8');
const catalog = loadCatalog(read);
const templateOf = (major: number): ParameterTemplate => {
  const found = catalog.find(({ metadata }) => metadata.name === templateName(major));
  if (!found) throw new Error(`no template for ${major}`);
  return readTemplate(found);
};

const servers = majors.flatMap((major) => {
  const bin = findServer(major);
  if (bin) return { major, bin, pinned: bin.includes('tests/majors') };
  console.log(
    `PostgreSQL ${major}: not here or out of reach, its template is not compared (npm ci --prefix tests/majors)`,
  );
  return [];
});

/** Values at, within and beyond the bounds of an item, written in several ways. */
function candidates(item: TemplateItem): fc.Arbitrary<string> {
  const bounds = /^\[(-?[\d.]+(?:e[+-]?\d+)?)-(-?[\d.]+(?:e[+-]?\d+)?)\]$/i.exec(item.optional);
  if (!bounds) {
    const words = item.optional.slice(1, -1).split('|');
    return fc.constantFrom(
      ...words,
      ...words.map((word) => word.toUpperCase()),
      'true',
      'no',
      '1',
      'tru',
      'o',
      'nonsense',
      '',
    );
  }
  const [min, max] = [Number(bounds[1]), Math.min(Number(bounds[2]), 2 ** 31 - 1)];
  const unit = fc.constantFrom('', '', 'B', 'kB', 'MB', 'GB', 'us', 'ms', 's', 'min', 'h', 'd', ' kB', 'kb', 'X');
  const number = fc.oneof(
    fc.constantFrom(min - 1, min, min + 1, max - 1, max, max + 1, 0, 1, -1, 1.5, 0.25),
    fc.integer({ min: Math.ceil(min), max: Math.floor(max) }),
  );
  const text = fc.tuple(number, unit).map(([value, suffix]) => `${value}${suffix}`);
  return fc.oneof(
    { weight: 9, arbitrary: text },
    { weight: 1, arbitrary: fc.constantFrom('0x10', '010', '1e2', 'abc', '', '1 2') },
  );
}

/** Their check hooks look at more than the value: the machine, other parameters, or a special rule of their own. */
const special = new Set([
  'vacuum_buffer_usage_limit',
  'max_stack_depth',
  'temp_buffers',
  'log_statement_stats',
  'log_parser_stats',
  'log_planner_stats',
  'log_executor_stats',
]);

describe.each(servers)('PostgreSQL $major', ({ major, bin, pinned }) => {
  const template = templateOf(major);
  let server: SingleUserServer;
  let settings: ReadonlyMap<string, PgSetting>;
  beforeAll(() => {
    server = openServer(bin);
    settings = new Map(readSettings(server).map((setting) => [setting.name, setting]));
  });
  afterAll(() => server.close());

  if (pinned) {
    it('has the committed template; `npx tsx scripts/generate-catalog.ts` writes it', () => {
      expect(templateManifest(major, [...settings.values()])).toBe(read(`${templateName(major)}.yaml`));
    });
  } else {
    console.log(`PostgreSQL ${major}: its minor version is this machine's, so its template is not compared as a whole`);
  }

  it('has every parameter of its template, and restarts for the same ones', () => {
    const unseen = new Set(major < 15 ? preloadedOnly.map(({ name }) => name) : []);
    const different = template.items.filter(({ name, isDynamic }) => {
      if (unseen.has(name)) return false;
      const setting = settings.get(name);
      return !setting || (setting.context === 'postmaster') === isDynamic;
    });
    expect(different.map(({ name }) => name)).toEqual([]);
  });

  it.each([...readClasses(catalog).values()])('starts with the parameters of $name', ({ parameters }) => {
    const { engine } = initialParameters({ template, classParameters: parameters, userParameters: {} }, new Date());
    expect(Object.keys(engine).length).toBeGreaterThan(20);
    const answer = join(server.folder, 'answer');
    // Certificates are the agent's: without them ssl = on cannot be tried here.
    const config = { ...engine, ssl: 'off' };
    server.run([`COPY (SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL) TO '${answer}';`], config);
    expect(readFileSync(answer, 'utf8')).toBe('');
  });

  it('judges values as the server does', () => {
    const items = template.items.filter(({ name, isUserChangeable, optional }) => {
      const inSession = ['user', 'superuser'].includes(settings.get(name)?.context ?? '');
      return isUserChangeable && inSession && optional.startsWith('[') && !special.has(name) && !name.includes('.');
    });
    const seed = Date.now() & 0x7fffffff;
    const pair = fc
      .constantFrom(...items)
      .chain((item) => candidates(item).map((value) => [item.name, value] as const));
    const pairs = [...new Map(fc.sample(pair, { seed, numRuns: 3000 }).map((one) => [one.join('='), one])).values()];
    const verdicts = ask(server, pairs);
    expect(verdicts).toHaveLength(pairs.length);

    const disagreements = pairs.flatMap(([name, value], index) => {
      const ours = checkParameter(template, name, value);
      const theirs = verdicts[index];
      const same = (ours === undefined) === (theirs === 'yes') || isOfSomeBuilds(name, value);
      return same ? [] : `${name} = ${JSON.stringify(value)}: the server says ${theirs}, we ${ours?.message ?? 'yes'}`;
    });
    expect(disagreements, `seed ${seed}`).toEqual([]);
    const accepted = verdicts.filter((verdict) => verdict === 'yes').length;
    expect(accepted).toBeGreaterThan(pairs.length / 5);
    expect(accepted).toBeLessThan((pairs.length * 4) / 5);
  });
});

const isOfSomeBuilds = (name: string, value: string): boolean =>
  ofSomeBuilds[name]?.includes(value.toLowerCase()) ?? false;

/** What the server says to each `name = value`: `yes`, or its error. */
function ask(server: SingleUserServer, pairs: readonly (readonly [string, string])[]): readonly string[] {
  const [input, output] = [join(server.folder, 'input'), join(server.folder, 'output')];
  writeFileSync(input, pairs.map((pair) => pair.join('\t')).join('\n'), { mode: 0o644 });
  const attempt = [
    "BEGIN PERFORM set_config(r.name, r.value, true); RAISE EXCEPTION 'undo' USING ERRCODE = 'PS000';",
    "EXCEPTION WHEN SQLSTATE 'PS000' THEN UPDATE pairs SET verdict = 'yes' WHERE id = r.id;",
    'WHEN OTHERS THEN UPDATE pairs SET verdict = SQLERRM WHERE id = r.id; END',
  ].join(' ');
  server.run([
    'CREATE TABLE pairs (id serial PRIMARY KEY, name text, value text, verdict text);',
    `COPY pairs (name, value) FROM '${input}';`,
    `DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM pairs LOOP ${attempt}; END LOOP; END $$;`,
    `COPY (SELECT verdict FROM pairs ORDER BY id) TO '${output}';`,
  ]);
  return readFileSync(output, 'utf8').trimEnd().split('\n');
}
