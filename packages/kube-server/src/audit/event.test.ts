import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { safeTarget } from './event.ts';

describe('a request target in the log', () => {
  it.each([
    ['/api/v1/pods?limit=5&watch=true', '/api/v1/pods?limit=5&watch=true'],
    ['/api/v1/pods?continue=abc', '/api/v1/pods?continue=redacted'],
    ['/x?token=abc&access_token=def', '/x?redacted&redacted'],
    ['/e?command=psql&command=-c&command=alter+user+password', '/e?command=psql&command=redacted&command=redacted'],
    ['/e?command=A%3Dsecret', '/e?command=redacted'],
    ['https://user:secret@host/api?limit=1', '/api?limit=1'],
    ['//', '(no URL)'],
  ])('%s', (target, shown) => {
    expect(safeTarget(target)).toBe(shown);
  });

  it('never has the value of a parameter that is not known, and is bounded', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9]{12,40}$/);
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z_.-]{1,12}$/), secret, fc.nat(3), (name, value, place) => {
        const known = Array.from({ length: place }, (_, i) => `limit=${i}`);
        const text = safeTarget(`/api/v1/pods?${[...known, `x${name}=${value}`, `${value}=1`].join('&')}`);
        expect(text).not.toContain(value);
      }),
    );
    expect(safeTarget(`/${'a'.repeat(100_000)}?labelSelector=${'b'.repeat(100_000)}`).length).toBeLessThan(4_096);
  });
});
