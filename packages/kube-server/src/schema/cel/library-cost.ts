/** What the functions of Kubernetes' libraries may cost, and how large what they give may be. */
import type { Expr } from './ast.ts';
import { FORMAT_REGEX_CHARS, PER_CHAR, PER_REGEX_CHAR } from './call-cost.ts';
import { add, cap, exactly, type Range, scaled, times, UNBOUNDED, UNKNOWN } from './range.ts';
import { type CelType, paramsOf } from './types.ts';

export interface Estimate {
  readonly cost: Range;
  readonly size?: Range;
}

/** What is known of the parts of an expression. */
export interface Sizes {
  of(expr: Expr): Range;
  ofItems(list: Expr): Range;
  typeOf(expr: Expr): CelType;
}

/** The libraries of Kubernetes: what one of their functions costs beside its arguments. */
export function libraryCost(
  name: string,
  overload: string,
  target: Expr | undefined,
  args: readonly Expr[],
  sizes: Sizes,
): Estimate | undefined {
  const size = (expr: Expr | undefined): Range => (expr ? sizes.of(expr) : UNKNOWN);
  const own = size(target);
  const argument = size(args[0]);
  switch (name) {
    case 'isSorted':
    case 'sum':
    case 'max':
    case 'min':
    case 'indexOf':
    case 'lastIndexOf': {
      if (!target) return undefined;
      const [item] = paramsOf(sizes.typeOf(target));
      if (!item) return { cost: scaled(own, PER_CHAR) };
      const isText = item.kind === 'string' || item.kind === 'bytes';
      const itemSize = sizes.ofItems(target);
      return { cost: times(own, isText ? add(exactly(1), scaled(itemSize, PER_CHAR)) : exactly(1)) };
    }
    case 'url':
      return { cost: scaled(argument, PER_CHAR), size: argument };
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
      return { cost: scaled(own, PER_CHAR), size: own };
    case 'replace':
      return { cost: scaled(own, 2 * PER_CHAR), size: replacedSize(own, argument, size(args[1])) };
    case 'split': {
      const limit =
        args[1]?.kind === 'literal' && typeof args[1].value === 'bigint' ? Number(args[1].value) : undefined;
      const most = limit === undefined ? own.max : limit < 0 ? UNBOUNDED : limit;
      return { cost: scaled(own, 2 * PER_CHAR), size: { min: 0, max: most } };
    }
    case 'join': {
      const item = target ? sizes.ofItems(target) : UNKNOWN;
      const separators = { min: Math.max(own.min - 1, 0), max: Math.max(own.max - 1, 0) };
      const joined = args[0] ? add(times(own, item), times(argument, separators)) : times(own, item);
      return { cost: scaled(joined, PER_CHAR), size: joined };
    }
    case 'find':
    case 'findAll': {
      const texts = scaled(add(own, exactly(1)), PER_CHAR);
      return { cost: times(texts, scaled(argument, PER_REGEX_CHAR)), size: { min: 0, max: own.max } };
    }
    case 'ip':
      return { cost: overload === 'cidr_ip' ? exactly(1) : scaled(argument, PER_CHAR) };
    case 'cidr':
    case 'isIP':
    case 'isCIDR':
    case 'quantity':
    case 'isQuantity':
    case 'semver':
    case 'isSemver':
      return { cost: scaled(argument, PER_CHAR) };
    case 'ip.isCanonical':
      return { cost: scaled(argument, 2 * PER_CHAR) };
    case 'containsIP':
    case 'containsCIDR': {
      const bytes = { min: 4, max: 16 };
      const base = scaled(add(bytes, bytes), PER_CHAR);
      const masks = name === 'containsCIDR' ? add(scaled(bytes, PER_CHAR), exactly(1)) : exactly(0);
      const parses = overload.endsWith('_string') ? scaled(argument, PER_CHAR) : exactly(0);
      return { cost: add(base, masks, parses) };
    }
    case 'validate':
      return { cost: scaled(scaled(argument, PER_CHAR), FORMAT_REGEX_CHARS * PER_REGEX_CHAR) };
    case '_==_': {
      const [left, right] = args.map((arg) => sizes.typeOf(arg));
      const names = left && 'name' in left && right && 'name' in right && left.name === right.name ? left.name : '';
      if (/^(?:net\.|kubernetes\.)/.test(names)) return { cost: exactly(1) };
      return undefined;
    }
    default:
      return undefined;
  }
}

function replacedSize(own: Range, old: Range, by: Range): Range {
  const most = (): number => {
    if (old.min === 0) return cap((own.max + 1) * by.max + own.max);
    return by.max <= old.min ? own.max : cap(Math.ceil(own.max / old.min) * by.max);
  };
  return { min: 0, max: most() };
}
