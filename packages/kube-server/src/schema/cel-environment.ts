import { isIP } from 'node:net';
import { Environment } from '@marcbachmann/cel-js';
import { compareQuantities, parseQuantity } from './quantity.ts';
import { pattern } from './validate.ts';

/** A value of the `quantity` library. */
class Quantity {
  readonly billionths: bigint;

  constructor(billionths: bigint) {
    this.billionths = billionths;
  }
}

function quantity(text: string): Quantity {
  const billionths = parseQuantity(text);
  if (billionths === undefined) throw new Error(`quantities must match the form of a number and a suffix: ${text}`);
  return new Quantity(billionths);
}

type Comparable = string | number | bigint;

const compare = (a: Comparable, b: Comparable): number => (a < b ? -1 : a > b ? 1 : 0);

function isSorted(list: readonly Comparable[]): boolean {
  return list.every((item, i) => i === 0 || compare(list[i - 1] as Comparable, item) <= 0);
}

function sum(list: readonly (number | bigint)[]): number | bigint {
  const [first, ...rest] = list;
  if (first === undefined) return 0n;
  return rest.reduce((total, item) => {
    if (typeof total === 'bigint' && typeof item === 'bigint') return total + item;
    return Number(total) + Number(item);
  }, first);
}

function extreme(list: readonly Comparable[], sign: 1 | -1): Comparable {
  const [first, ...rest] = list;
  if (first === undefined) throw new Error('the list is empty');
  return rest.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best), first);
}

/** What the rules of CustomResourceDefinitions may name. */
export function celEnvironment(): Environment {
  return celFunctions().registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');
}

/** The functions that rules and policies may use beyond the language itself. */
export function celFunctions(): Environment {
  return new Environment({
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
    limits: { maxAstNodes: 10_000, maxDepth: 100 },
  })
    .registerType('Quantity', { ctor: Quantity, fields: {} })
    .registerFunction('quantity(string): Quantity', quantity)
    .registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined)
    .registerFunction(
      'Quantity.isGreaterThan(Quantity): bool',
      (a: Quantity, b: Quantity) => a.billionths > b.billionths,
    )
    .registerFunction('Quantity.isLessThan(Quantity): bool', (a: Quantity, b: Quantity) => a.billionths < b.billionths)
    .registerFunction('Quantity.compareTo(Quantity): int', (a: Quantity, b: Quantity) =>
      BigInt(compareQuantities(a.billionths, b.billionths)),
    )
    .registerFunction('Quantity.sign(): int', (a: Quantity) => BigInt(compareQuantities(a.billionths, 0n)))
    .registerFunction('Quantity.isInteger(): bool', (a: Quantity) => a.billionths % 10n ** 9n === 0n)
    .registerFunction('Quantity.asInteger(): int', (a: Quantity) => a.billionths / 10n ** 9n)
    .registerFunction('Quantity.asApproximateFloat(): double', (a: Quantity) => Number(a.billionths) / 1e9)
    .registerFunction('list.isSorted(): bool', isSorted)
    .registerFunction('list.sum(): dyn', sum)
    .registerFunction('list.min(): dyn', (list: readonly Comparable[]) => extreme(list, -1))
    .registerFunction('list.max(): dyn', (list: readonly Comparable[]) => extreme(list, 1))
    .registerFunction('list.indexOf(dyn): int', (list: readonly unknown[], item: unknown) => BigInt(list.indexOf(item)))
    .registerFunction('list.lastIndexOf(dyn): int', (list: readonly unknown[], item: unknown) =>
      BigInt(list.lastIndexOf(item)),
    )
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
      text.replaceAll(from, to),
    )
    .registerFunction(
      'string.find(string): string',
      (text: string, regex: string) => pattern(regex).exec(text)?.[0] ?? '',
    )
    .registerFunction('string.findAll(string): list', (text: string, regex: string) => {
      const source = pattern(regex);
      return [...text.matchAll(new RegExp(source.source, `${source.flags}g`))].map((match) => match[0]);
    })
    .registerFunction('isURL(string): bool', (text: string) => URL.canParse(text))
    .registerFunction('isIP(string): bool', (text: string) => isIP(text) !== 0);
}
