/** How the versions of a definition are turned into one another. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import { nameChecks } from '../registry/names.ts';

const reviews = ['v1', 'v1beta1'];

/** Without it objects of one version would be shown as another, unconverted, and nobody would be told. */
const notCalled = fieldError.forbidden(
  'spec.conversion.strategy',
  'this API calls no webhooks, so objects of one version could not be shown in another: define one version, or use strategy None with versions that share their fields, or install this definition on Kubernetes',
);

/** With one version there is nothing to convert. */
const needsWebhook = (spec: Readonly<JsonObject> | undefined): boolean =>
  stringAt(spec, 'conversion', 'strategy') === 'Webhook' && arrayAt(spec, 'versions').length > 1;

/** `before`: the spec that an update changes. */
export function checkConversion(
  spec: Readonly<JsonObject>,
  before: Readonly<JsonObject> | undefined,
): readonly FieldError[] {
  const conversion = objectAt(spec, 'conversion');
  if (!conversion) return [];
  const at = 'spec.conversion';
  const strategy = stringAt(conversion, 'strategy') ?? '';
  const client = objectAt(conversion, 'webhook', 'clientConfig');
  const versions = arrayAt(conversion, 'webhook', 'conversionReviewVersions').map(String);
  if (strategy === '') return [fieldError.required(`${at}.strategy`)];
  if (strategy !== 'None' && strategy !== 'Webhook') {
    return [fieldError.notSupported(`${at}.strategy`, strategy, ['None', 'Webhook'])];
  }
  const errors: FieldError[] = [];
  if (strategy === 'None') {
    const why = 'should not be set when strategy is not set to Webhook';
    if (client) errors.push(fieldError.forbidden(`${at}.webhookClientConfig`, why));
    if (versions.length > 0) errors.push(fieldError.forbidden(`${at}.conversionReviewVersions`, why));
    return errors;
  }
  const isPreserving = spec.preserveUnknownFields === true;
  if (isPreserving) {
    errors.push(fieldError.invalid(`${at}.strategy`, strategy, 'must be None if spec.preserveUnknownFields is true'));
  }
  const place = `${at}.webhookClientConfig`;
  if (client) errors.push(...checkClient(client, place));
  else errors.push(fieldError.required(place, 'required when strategy is set to Webhook'));
  errors.push(...checkReviews(versions, before, `${at}.conversionReviewVersions`));
  return errors.length > 0 || !needsWebhook(spec) || needsWebhook(before) ? errors : [notCalled];
}

function checkClient(client: Readonly<JsonObject>, at: string): readonly FieldError[] {
  const url = stringAt(client, 'url');
  const service = objectAt(client, 'service');
  if ((url === undefined) === (service === undefined)) {
    return [fieldError.required(at, 'exactly one of url or service is required')];
  }
  if (url !== undefined) return checkUrl(url, `${at}.url`);
  const errors: FieldError[] = [];
  for (const field of ['name', 'namespace']) {
    if ((stringAt(service, field) ?? '') === '') errors.push(fieldError.required(`${at}.service.${field}`));
  }
  const port = Number(valueAt(service, 'port') ?? 443);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    const why = 'port is not valid: must be between 1 and 65535, inclusive';
    errors.push(fieldError.invalid(`${at}.service.port`, port, why));
  }
  const path = stringAt(service, 'path') ?? '';
  if (path !== '' && !path.startsWith('/')) {
    errors.push(fieldError.invalid(`${at}.service.path`, path, "must start with a '/'"));
  }
  return errors;
}

function checkUrl(text: string, at: string): readonly FieldError[] {
  const form = '; desired format: https://host[/path]';
  const match =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:([^@/?#]*)@)?([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#([\s\S]*))?$/.exec(text);
  const [, scheme = '', user, host = '', query = '', fragment = ''] = match ?? [];
  const errors: FieldError[] = [];
  if (scheme !== 'https') {
    errors.push(fieldError.invalid(at, scheme, `'https' is the only allowed URL scheme${form}`));
  }
  if (host === '') errors.push(fieldError.invalid(at, host, `host must be specified${form}`));
  if (user !== undefined) {
    errors.push(fieldError.invalid(at, user, 'user information is not permitted in the URL'));
  }
  if (fragment !== '') errors.push(fieldError.invalid(at, fragment, 'fragments are not permitted in the URL'));
  if (query !== '') errors.push(fieldError.invalid(at, query, 'query parameters are not permitted in the URL'));
  return errors;
}

function checkReviews(
  versions: readonly string[],
  before: Readonly<JsonObject> | undefined,
  at: string,
): readonly FieldError[] {
  if (versions.length === 0) return [fieldError.required(at)];
  const errors = versions.flatMap((version, i) => {
    if (versions.indexOf(version) < i) return [fieldError.invalid(`${at}[${i}]`, version, 'duplicate version')];
    const problem = nameChecks.label1035(version);
    return problem ? [fieldError.invalid(`${at}[${i}]`, version, problem)] : [];
  });
  const old = arrayAt(before, 'conversion', 'webhook', 'conversionReviewVersions').map(String);
  const mustKnow = old.length === 0 || old.some((version) => reviews.includes(version));
  if (mustKnow && !versions.some((version) => reviews.includes(version))) {
    errors.push(fieldError.invalid(at, versions, `must include at least one of ${reviews.join(', ')}`));
  }
  return errors;
}
