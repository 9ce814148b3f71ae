import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { canListen, describeListener, firstFreeBlock, listeners } from './block.ts';

test('reads the listeners of the kernel, and who they are', async () => {
  const server = createServer();
  await once(server.listen(0, '127.45.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    expect(listeners()).toContainEqual(expect.objectContaining({ address: '127.45.0.1', port }));
    expect(await canListen('127.45.0.1', port)).toBe(false);
    expect(await canListen('127.45.0.2', port)).toBe(true);
    expect(describeListener('127.45.0.1', port)).toContain(`pid ${process.pid} (`);
  } finally {
    server.close();
  }
});

test('passes over a block in which somebody listens, even where the API address is free', async () => {
  const block = await firstFreeBlock();
  const server = createServer();
  await once(server.listen(0, `127.${block}.11.2`), 'listening');
  try {
    expect(await firstFreeBlock()).toBeGreaterThan(block);
  } finally {
    server.close();
  }
});

test('a line of the table is read byte by byte', () => {
  const line = '   0: 0100037F:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1';
  expect(listeners(`header\n${line}\n`)).toEqual([{ address: '127.3.0.1', port: 6443, inode: '4242' }]);
});
