import { buildCrds } from '@polarstack/api';
import { code, page, table } from './markdown.ts';

type Node = Readonly<Record<string, unknown>>;

function typeOf(node: Node): string {
  if (node['x-kubernetes-int-or-string']) return 'quantity';
  if (node['x-kubernetes-preserve-unknown-fields']) return 'any object';
  if (node.type === 'array') return `list of ${typeOf((node.items ?? {}) as Node)}`;
  if (node.additionalProperties) return `map of ${typeOf(node.additionalProperties as Node)}`;
  return node.format === 'date-time' ? 'time' : String(node.type);
}

function limits(node: Node): string {
  const words = ((node.enum ?? []) as readonly string[]).filter((word) => word !== '');
  return [
    words.length > 0 ? words.map(code).join(', ') : '',
    node.minimum !== undefined || node.maximum !== undefined ? `${node.minimum ?? ''} to ${node.maximum ?? ''}` : '',
    node.maxLength !== undefined ? `at most ${String(node.maxLength)} characters` : '',
    node.pattern !== undefined && !node['x-kubernetes-int-or-string'] ? code(String(node.pattern)) : '',
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/** A row for each field below `node`. */
function rows(node: Node, path: string): readonly (readonly string[])[] {
  const required = (node.required ?? []) as readonly string[];
  return Object.entries((node.properties ?? {}) as Record<string, Node>).flatMap(([name, child]) => {
    const here = path === '' ? name : `${path}.${name}`;
    const fallback = child.default === undefined ? '' : code(String(child.default));
    const need = required.includes(name) ? 'required' : fallback;
    const [inner, suffix] =
      child.type === 'array'
        ? [child.items, '[]']
        : child.additionalProperties
          ? [child.additionalProperties, '.<key>']
          : [child, ''];
    const row = [code(here), typeOf(child), need, limits(child), String(child.description ?? '')];
    return [row, ...rows((inner ?? {}) as Node, `${here}${suffix}`)];
  });
}

function rulesOf(node: Node, path: string): readonly (readonly string[])[] {
  const own = ((node['x-kubernetes-validations'] ?? []) as readonly { rule: string; message: string }[]).map(
    ({ rule, message }) => [code(path || 'object'), message, code(rule)],
  );
  const below = Object.entries((node.properties ?? {}) as Record<string, Node>).flatMap(([name, child]) =>
    rulesOf(child, path === '' ? name : `${path}.${name}`),
  );
  return [...own, ...below];
}

/** The page of a kind: what can be written, what is checked, what is shown. */
export function kindPage(kind: string): string {
  const crd = buildCrds().find(({ spec }) => spec.names.kind === kind);
  const version = crd?.spec.versions[0];
  if (!crd || !version) throw new Error(`there is no kind ${kind}`);
  const schema = version.schema.openAPIV3Schema;
  const parts = (schema.properties ?? {}) as Record<string, Node>;
  const head = ['Field', 'Type', 'Default', 'Allowed', 'Meaning'];
  const rules = rulesOf(schema, '');
  return page(
    kind,
    'packages/api',
    String(schema.description),
    `\`apiVersion: ${crd.spec.group}/${version.name}\`, \`kind: ${kind}\`; short name \`${crd.spec.names.shortNames.join(', ')}\`; ${crd.spec.scope === 'Namespaced' ? 'lives in a namespace' : 'belongs to no namespace'}. \`kubectl explain ${crd.spec.names.plural}\` shows the same.`,
    `## spec\n\n${table(head, rows(parts.spec ?? {}, ''))}`,
    ...(rules.length > 0
      ? [`## Rules\n\nChecked when an object is written.\n\n${table(['Where', 'Rule', 'CEL'], rules)}`]
      : []),
    `## status\n\n${table(
      ['Field', 'Type', 'Meaning'],
      rows(parts.status ?? {}, '').map(([field = '', type = '', , , meaning = '']) => [field, type, meaning]),
    )}`,
  );
}
