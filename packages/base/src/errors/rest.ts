import { entries } from './entry.ts';

/** What the REST API of the operator answers. */
export const restErrors = entries({
  TokenMissing: {
    summary: 'A call of the REST API came without a valid token.',
    remedy:
      'Send `Authorization: Bearer TOKEN` with a token of `polarstack token create`; it may have ended or been revoked.',
    retry: 'never',
    exit: 9,
  },
  TokenScope: {
    summary: 'The token does not allow this call.',
    remedy: 'Use a token with the scope that the message names: `polarstack token create NAME --scope operate`.',
    retry: 'never',
    exit: 9,
  },
  RouteUnknown: {
    summary: 'The REST API has no such path.',
    remedy: 'See /api/v1/openapi.json for the paths there are.',
    retry: 'never',
  },
  RouteMethod: {
    summary: 'This path of the REST API does not take this method.',
    remedy: 'Use a method that the header Allow names.',
    retry: 'never',
  },
  BodyTooLarge: {
    summary: 'The body of a call is larger than the REST API takes.',
    remedy: 'Send less; no call needs that much.',
    retry: 'never',
  },
  BodyInvalid: {
    summary: 'The body of a call is not what the REST API takes there.',
    remedy: 'Correct what the message names; /api/v1/openapi.json says what is taken.',
    retry: 'never',
  },
  TooManyStreams: {
    summary: 'The REST API serves as many event streams as it can.',
    remedy: 'Close some, or try again later.',
    retry: 'later',
  },
});
