import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseListeners, socketTables } from './listening-ports.ts';

const line = (local: string, state = '0A') =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 0 0 0 0 1`;

describe('listening ports', () => {
  it('are those at the address, and at all addresses', () => {
    const table = [
      'header',
      line('0B00007F:1538'),
      line('0C00007F:1539'),
      line('00000000:0016'),
      line('0B00007F:2710', '01'),
    ];
    expect(parseListeners(table.join('\n'), '127.0.0.11')).toEqual([5432, 22]);
    expect(parseListeners(`header\n${line(`${'0'.repeat(32)}:0050`)}`, '127.0.0.11')).toEqual([80]);
  });

  it('are read from the kernel', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.77.0.11', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const tables = await socketTables();
    const portsOf = (at: string) => tables.flatMap((table) => parseListeners(table, at));
    expect(portsOf('127.77.0.11')).toContain(port);
    expect(portsOf('127.77.0.12')).not.toContain(port);
    await new Promise((resolve) => server.close(resolve));
  });
});
