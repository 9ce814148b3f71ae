/** The part of Kubernetes' JSONPath that printer columns and scale paths use: `.a.b`, `.a[0]`, `["c"]`, `[*]`, filters by equality. */
type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'every' }
  | { readonly kind: 'filter'; readonly path: readonly string[]; readonly value: string };

const token =
  /\.?(?:\[\?\(@((?:\.[\w-]+)+)\s*==\s*(?:"([^"]*)"|'([^']*)'|(\w+))\)\]|\[(-?\d+)\]|\[\*\]|\[["']([^"'\]]*)["']\]|(\*)|((?:\\\.|[^.[\]])+))/y;

/** Compiles a path to a function that gives all values it leads to; throws on what is no path. */
export function compileJsonPath(path: string): (root: unknown) => readonly unknown[] {
  const steps: Step[] = [];
  const text = path.replace(/^\{(.*)\}$/, '$1').replace(/^\$/, '');
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    if (text.slice(token.lastIndex) === '.') break;
    const match = token.exec(text);
    if (!match) throw new Error(`"${path}" is not a path that columns can show`);
    const [all, filter, double, single, bare, index, quoted, star, name] = match;
    if (filter !== undefined) {
      steps.push({ kind: 'filter', path: filter.slice(1).split('.'), value: double ?? single ?? bare ?? '' });
    } else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) });
    else if (quoted !== undefined) steps.push({ kind: 'field', name: quoted });
    else if (star !== undefined || all.endsWith('[*]')) steps.push({ kind: 'every' });
    else steps.push({ kind: 'field', name: (name ?? '').replaceAll('\\.', '.') });
  }
  return (root) =>
    steps.reduce<readonly unknown[]>((values, step) => values.flatMap((value) => take(step, value)), [root]);
}

const own = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;

function take(step: Step, value: unknown): readonly unknown[] {
  switch (step.kind) {
    case 'field': {
      const found = own(value, step.name);
      return found === undefined ? [] : [found];
    }
    case 'index': {
      const found: unknown = Array.isArray(value) ? value.at(step.index) : undefined;
      return found === undefined ? [] : [found];
    }
    case 'every':
      if (Array.isArray(value)) return value;
      return typeof value === 'object' && value !== null ? Object.values(value) : [];
    case 'filter':
      if (!Array.isArray(value)) return [];
      return value.filter((item) => String(step.path.reduce<unknown>(own, item)) === step.value);
  }
}
