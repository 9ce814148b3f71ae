import { buildCrds } from '@polarstack/api';
import { code, page, table } from './markdown.ts';

/** The words of a schema that the page shows. */
interface Node {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly default?: string | number | boolean;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly additionalProperties?: Node;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
}

function typeOf(node: Node): string {
  if (node['x-kubernetes-int-or-string']) return 'quantity';
  if (node['x-kubernetes-preserve-unknown-fields']) return 'any object';
  if (node.type === 'array') return `list of ${typeOf(node.items ?? {})}`;
  if (node.additionalProperties) return `map of ${typeOf(node.additionalProperties)}`;
  return node.format === 'date-time' ? 'time' : (node.type ?? '');
}

function limits(node: Node): string {
  const words = (node.enum ?? []).filter((word) => word !== '');
  return [
    words.length > 0 ? words.map(code).join(', ') : '',
    node.minimum !== undefined || node.maximum !== undefined ? `${node.minimum ?? ''} to ${node.maximum ?? ''}` : '',
    node.maxLength !== undefined ? `at most ${node.maxLength} characters` : '',
    node.pattern !== undefined && !node['x-kubernetes-int-or-string'] ? code(node.pattern) : '',
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/** A row for each field below `node`. */
function rows(node: Node, path: string): readonly (readonly string[])[] {
  const required = node.required ?? [];
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const here = path === '' ? name : `${path}.${name}`;
    const fallback = child.default === undefined ? '' : code(String(child.default));
    const need = required.includes(name) ? 'required' : fallback;
    const [inner, suffix] =
      child.type === 'array'
        ? [child.items, '[]']
        : child.additionalProperties
          ? [child.additionalProperties, '.<key>']
          : [child, ''];
    const row = [code(here), typeOf(child), need, limits(child), child.description ?? ''];
    return [row, ...rows(inner ?? {}, `${here}${suffix}`)];
  });
}

function rulesOf(node: Node, path: string): readonly (readonly string[])[] {
  const own = (node['x-kubernetes-validations'] ?? []).map(({ rule, message }) => [
    code(path || 'object'),
    message,
    code(rule),
  ]);
  const below = Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    rulesOf(child, path === '' ? name : `${path}.${name}`),
  );
  return [...own, ...below];
}

/** The page of a kind: what can be written, what is checked, what is shown. */
export function kindPage(kind: string): string {
  const crd = buildCrds().find(({ spec }) => spec.names.kind === kind);
  const version = crd?.spec.versions[0];
  if (!crd || !version) throw new Error(`there is no kind ${kind}`);
  const schema: Node = version.schema.openAPIV3Schema;
  const parts = schema.properties ?? {};
  const head = ['Field', 'Type', 'Default', 'Allowed', 'Meaning'];
  const rules = rulesOf(schema, '');
  return page(
    kind,
    'packages/api',
    schema.description ?? '',
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
