/** Objects and lists in the form that a client asked for. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@polarstack/base';
import { type JsonObject, stringAt } from '../json.ts';
import { present } from '../operations/convert.ts';
import type { ListResult } from '../operations/list.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { columnsOf, includeObject, partialMetadata, rowOf, table } from '../table/table.ts';
import type { ItemTexts } from './item-texts.ts';
import { negotiate } from './negotiate.ts';
import { sendJson } from './respond.ts';
import { errors } from './status.ts';
import { streamList } from './stream-list.ts';

/** Where to answer, and how. */
export interface Answering {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly definition: ResourceDefinition;
  readonly query: URLSearchParams;
}

/** Throws 406 where a list was asked for. */
export function sendObject(
  { request, response, definition, query }: Answering,
  code: number,
  object: Readonly<JsonObject>,
  clock: Clock,
): void {
  const rendering = negotiate(request.headers.accept);
  switch (rendering) {
    case 'object':
      sendJson(response, code, object);
      return;
    case 'partial':
      sendJson(response, code, partialMetadata(object));
      return;
    case 'partialList':
      throw errors.notThatForm(
        `you requested PartialObjectMetadataList, but the requested object is not a list (*${goType(definition)})`,
      );
    case 'table': {
      const metadata = { resourceVersion: stringAt(object, 'metadata', 'resourceVersion') ?? '' };
      const include = includeObject(query.get('includeObject'));
      sendJson(response, code, table(definition, [object], metadata, include, clock.now()));
    }
  }
}

/** Throws 406 where a single object was asked for. */
export async function sendList(
  { request, response, definition, query }: Answering,
  result: ListResult,
  { clock, itemTexts }: { readonly clock: Clock; readonly itemTexts: ItemTexts },
): Promise<void> {
  const rendering = negotiate(request.headers.accept);
  const metadata = { resourceVersion: String(result.revision), ...paging(result, definition, rendering === 'object') };
  switch (rendering) {
    case 'table': {
      const include = includeObject(query.get('includeObject'));
      const now = clock.now();
      const head = { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions: columnsOf(definition) };
      await streamList(
        response,
        head,
        'rows',
        texts(result, (item) => rowOf(definition, present(definition, item), include, now)),
      );
      return;
    }
    case 'partial':
      throw errors.notThatForm(
        `you requested PartialObjectMetadata, but the requested object is a list (*${goType(definition)}List)`,
      );
    case 'partialList': {
      const head = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata };
      await streamList(
        response,
        head,
        'items',
        texts(result, (item) => partialMetadata(present(definition, item))),
      );
      return;
    }
    case 'object': {
      const head = { kind: definition.listKind, apiVersion: definition.apiVersion, metadata };
      await streamList(response, head, 'items', objectTexts(result, definition, itemTexts));
    }
  }
}

function* texts(result: ListResult, form: (item: ListResult['items'][number]) => unknown): Generator<string> {
  for (const item of result.items) yield JSON.stringify(form(item));
}

/** What a resource stores is shown as it is; where its version or view differs, the text is not worth keeping. */
function* objectTexts({ items }: ListResult, definition: ResourceDefinition, itemTexts: ItemTexts): Generator<string> {
  for (const item of items) {
    const shown = present(definition, item);
    const make = (): string => JSON.stringify(definition.custom ? shown : untyped(shown));
    yield shown === (item as unknown) ? itemTexts.of(item, make) : make();
  }
}

function paging(result: ListResult, { custom }: ResourceDefinition, isWhole: boolean): JsonObject {
  if (result.continueToken === undefined) return custom && isWhole ? { continue: '' } : {};
  return { continue: result.continueToken, remainingItemCount: result.remaining };
}

/** Built-in kinds leave out in lists what the list already says. */
function untyped({ kind: _kind, apiVersion: _apiVersion, ...rest }: Readonly<JsonObject>): Readonly<JsonObject> {
  return rest;
}

/** How Kubernetes calls a kind in such a message. */
function goType({ group, kind, custom }: ResourceDefinition): string {
  if (custom) return 'unstructured.Unstructured';
  return `${group === '' ? 'core' : (group.split('.')[0] ?? group)}.${kind}`;
}
