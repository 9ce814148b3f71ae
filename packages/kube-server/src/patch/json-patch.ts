import { cloneJson, equalJson, isObject, type JsonObject, setOwn } from '../json.ts';

/** Why a JSON patch (RFC 6902) cannot be applied. */
export class JsonPatchError extends Error {}

type Operation = JsonObject & { readonly op: string; readonly path: string };

/** More operations than this are refused by whoever reads a patch, as Kubernetes does. */
export const MAX_OPERATIONS = 10_000;

function readOperations(patch: unknown): readonly Operation[] {
  if (!Array.isArray(patch)) throw new JsonPatchError('a JSON patch is a list of operations');
  return patch.map((operation: unknown, i) => {
    if (!isObject(operation) || typeof operation.op !== 'string' || typeof operation.path !== 'string') {
      throw new JsonPatchError(`operation ${i} needs "op" and "path"`);
    }
    return operation as Operation;
  });
}

function pointer(path: string): readonly string[] {
  if (path === '') return [];
  if (!path.startsWith('/')) throw new JsonPatchError(`path "${path}" must start with "/"`);
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function index(list: readonly unknown[], key: string, path: string, end: number): number {
  if (!/^(0|[1-9]\d*)$/.test(key) || Number(key) > end) {
    throw new JsonPatchError(`the path "${path}" points outside of a list of ${list.length}`);
  }
  return Number(key);
}

function step(holder: unknown, key: string, path: string): unknown {
  if (Array.isArray(holder)) return holder[index(holder, key, path, holder.length - 1)];
  if (isObject(holder) && Object.hasOwn(holder, key)) return holder[key];
  throw new JsonPatchError(`the path "${path}" does not exist`);
}

function read(root: unknown, path: string): unknown {
  return pointer(path).reduce((holder, key) => step(holder, key, path), root);
}

function write(root: unknown, path: string, value: unknown, replace: boolean): unknown {
  const keys = pointer(path);
  const last = keys.at(-1);
  if (last === undefined) return value;
  const holder = keys.slice(0, -1).reduce((current, key) => step(current, key, path), root);
  if (replace) step(holder, last, path);
  if (Array.isArray(holder)) {
    const at = last === '-' && !replace ? holder.length : index(holder, last, path, holder.length - (replace ? 1 : 0));
    holder.splice(at, replace ? 1 : 0, value);
  } else if (isObject(holder)) setOwn(holder, last, value);
  else throw new JsonPatchError(`the path "${path}" does not exist`);
  return root;
}

function remove(root: unknown, path: string): unknown {
  const keys = pointer(path);
  const last = keys.at(-1);
  if (last === undefined) return null;
  const holder = keys.slice(0, -1).reduce((current, key) => step(current, key, path), root);
  step(holder, last, path);
  if (Array.isArray(holder)) holder.splice(Number(last), 1);
  else if (isObject(holder)) delete holder[last];
  return root;
}

function from(operation: Operation): string {
  if (typeof operation.from !== 'string') throw new JsonPatchError(`operation "${operation.op}" needs "from"`);
  return operation.from;
}

function apply(root: unknown, operation: Operation): unknown {
  const { op, path } = operation;
  switch (op) {
    case 'add':
    case 'replace':
      if (operation.value === undefined) throw new JsonPatchError(`operation "${op}" needs "value"`);
      return write(root, path, cloneJson(operation.value), op === 'replace');
    case 'remove':
      return remove(root, path);
    case 'copy':
      return write(root, path, cloneJson(read(root, from(operation))), false);
    case 'move': {
      const source = from(operation);
      if (path.startsWith(`${source}/`)) throw new JsonPatchError(`"${source}" cannot move into itself`);
      const value = read(root, source);
      return write(remove(root, source), path, value, false);
    }
    case 'test':
      if (!equalJson(read(root, path), operation.value)) {
        throw new JsonPatchError(`testing value ${path} failed`);
      }
      return root;
    default:
      throw new JsonPatchError(`unknown operation "${op}"`);
  }
}

/** Applies all operations or none; `target` is not changed. Throws {@link JsonPatchError}. */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  return readOperations(patch).reduce<unknown>((root, operation) => apply(root, operation), cloneJson(target));
}
