import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  catalogMajors,
  formatNumber,
  loadCatalog,
  parseNumber,
  readClasses,
  readTemplate,
  type TemplateItem,
  templateName,
  unquote,
} from '@polarstack/domain';
import { code, page, table } from './markdown.ts';

const folder = fileURLToPath(new URL('../../deploy/catalog/', import.meta.url));
const NUMBER = String.raw`-?[\d.]+(?:e[+-]?\d+)?`;

/** A number with its unit, where it has one. */
function human(value: string, { type, baseUnit }: TemplateItem): string {
  const bare = unquote(value);
  if (type === 'STRING') return bare;
  const parsed = parseNumber(bare, type, baseUnit);
  return parsed.ok ? formatNumber(parsed.value, baseUnit) : bare;
}

function allowed(item: TemplateItem): string {
  const range = new RegExp(`^\\[(${NUMBER})-(${NUMBER})\\]$`, 'i').exec(item.optional);
  if (range) return `${human(range[1] ?? '', item)} to ${human(range[2] ?? '', item)}`;
  return item.optional.startsWith('[') ? item.optional.slice(1, -1).replaceAll('|', ', ') : 'text';
}

/** `13-18`, `15-18`, `13, 14`: the majors that have a parameter. */
function span(majors: readonly number[]): string {
  const [first, last] = [majors[0], majors.at(-1)];
  if (first === undefined || last === undefined) return '';
  const whole = last - first + 1 === majors.length && majors.length > 1;
  return whole ? `${first}-${last}` : majors.join(', ');
}

/** Every parameter of every major: those that users may set, and those that the stack sets. */
export function parametersPage(): string {
  const catalog = loadCatalog((file) => readFileSync(folder + file, 'utf8'));
  const templates = catalogMajors.map((major) => {
    const found = catalog.find(({ metadata }) => metadata.name === templateName(major));
    if (!found) throw new Error(`there is no template for ${major}`);
    return readTemplate(found);
  });
  const names = [...new Set(templates.flatMap(({ items }) => items.map(({ name }) => name)))].sort((a, b) =>
    a.toLowerCase() < b.toLowerCase() ? -1 : 1,
  );
  const entries = names.flatMap((name) => {
    const having = templates.filter((template) => template.find(name));
    const item = having.at(-1)?.find(name);
    return item ? [{ item, majors: span(having.map(({ major }) => major)) }] : [];
  });
  const free = entries.filter(({ item }) => item.isUserChangeable);
  const owned = entries.filter(({ item }) => !item.isUserChangeable);

  const classes = [...readClasses(catalog).values()];
  const classNames = [...new Set(classes.flatMap(({ parameters }) => Object.keys(parameters)))].sort();
  return page(
    'Parameters of PostgreSQL',
    'deploy/catalog',
    'What `spec.parameters` of an MPDCluster may hold. A value is written as in `postgresql.conf`, without quotes, with a unit where it has one (`8MB`, `10min`). The value of the user goes before that of the class, and that before the default. Defaults and limits are those of the newest major that has the parameter; what a parameter does is described in the manual of PostgreSQL.',
    `## Parameters that users may set\n\n${table(
      ['Name', 'Default', 'Allowed', 'Takes effect', 'Majors'],
      free.map(({ item, majors }) => [
        code(item.name),
        code(human(item.defaultValue, item)),
        allowed(item),
        item.isDynamic ? 'at once' : 'after a restart',
        majors,
      ]),
    )}`,
    `## Parameters of the classes\n\n${table(
      ['Name', ...classes.map(({ name }) => code(name))],
      classNames.map((name) => [code(name), ...classes.map(({ parameters }) => code(parameters[name] ?? ''))]),
    )}`,
    `## Parameters that the stack sets\n\nThey cannot be set in \`spec.parameters\`: ${owned.map(({ item }) => code(item.name)).join(', ')}.`,
  );
}
