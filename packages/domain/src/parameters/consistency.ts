import type { InstanceClass } from '../catalog/classes.ts';
import type { ParameterTemplate } from '../catalog/template.ts';
import type { ParameterProblem } from './check.ts';
import { unquote } from './quoting.ts';
import { parseNumber } from './units.ts';

/** `shared_buffers` counts pages of 8 kB. */
const PAGES_PER_MIB = 128;

/**
 * What is wrong with values that are each right by themselves: a server would not start, or could not live in its
 * class. Only parameters that the user sets are blamed; values that cannot be read are somebody else's problem.
 */
export function checkConsistency(
  template: ParameterTemplate,
  instanceClass: InstanceClass | undefined,
  userParameters: Readonly<Record<string, string>>,
): readonly ParameterProblem[] {
  const lower = (layer: Readonly<Record<string, string>>) =>
    new Map(Object.entries(layer).map(([name, value]) => [name.toLowerCase(), value]));
  const [user, ofClass] = [lower(userParameters), lower(instanceClass?.parameters ?? {})];
  /** In base units of the parameter. */
  const number = (name: string): number | undefined => {
    const item = template.find(name);
    const text = user.get(name) ?? ofClass.get(name) ?? item?.defaultValue;
    if (!item || text === undefined) return undefined;
    const parsed = parseNumber(unquote(text), 'INT', item.baseUnit);
    return parsed.ok ? parsed.value : undefined;
  };

  const problems: ParameterProblem[] = [];
  const blame = (names: readonly string[], reason: string, remedy: string) => {
    const name = names.find((one) => user.has(one));
    if (name !== undefined) {
      problems.push({ code: 'ParameterInvalid', name, message: `${name}: ${user.get(name)} ${reason}`, remedy });
    }
  };

  const connections = number('max_connections');
  const reserved = (number('superuser_reserved_connections') ?? 0) + (number('reserved_connections') ?? 0);
  if (connections !== undefined && connections <= reserved) {
    blame(
      ['max_connections', 'superuser_reserved_connections'],
      `leaves no connection to users: ${reserved} of ${connections} are reserved`,
      'max_connections must be greater than superuser_reserved_connections.',
    );
  }
  const [least, most] = [number('min_wal_size'), number('max_wal_size')];
  if (least !== undefined && most !== undefined && least > most) {
    blame(
      ['min_wal_size', 'max_wal_size'],
      `does not fit: min_wal_size is ${least}MB, max_wal_size ${most}MB`,
      'min_wal_size must not be greater than max_wal_size.',
    );
  }
  const [buffers, memory] = [number('shared_buffers'), instanceClass?.memory.limit];
  if (buffers !== undefined && memory !== undefined && buffers >= memory * PAGES_PER_MIB) {
    blame(
      ['shared_buffers'],
      `does not fit into the ${memory}MB of memory of class ${instanceClass?.name}`,
      'Choose a smaller value or a larger class.',
    );
  }
  return problems;
}
