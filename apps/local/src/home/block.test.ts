import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { canListen, describeListener, freeBlocks, listeners } from './block.ts';
import { claimBlock, claimedBlocks, releaseBlocks } from './block-claims.ts';
import { homeAt } from './home.ts';

async function firstFree(claimed: ReadonlySet<number> = new Set()): Promise<number> {
  for await (const block of freeBlocks(claimed)) return block;
  throw new Error('no block is free');
}

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
  const block = await firstFree();
  const server = createServer();
  await once(server.listen(0, `127.${block}.11.2`), 'listening');
  try {
    expect(await firstFree()).not.toBe(block);
  } finally {
    server.close();
  }
});

test('a line of the table is read byte by byte', () => {
  const line = '   0: 0100037F:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1';
  expect(listeners(`header\n${line}\n`)).toEqual([{ address: '127.3.0.1', port: 6443, inode: '4242' }]);
});

test('a block that another home has claimed comes last, for as long as that home is there', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'claims-'));
  try {
    const mine = homeAt(join(parent, 'mine'));
    const other = homeAt(join(parent, 'other'));
    const block = await firstFree();
    for (const home of [mine, other]) mkdirSync(home.root);
    writeFileSync(other.record, JSON.stringify({ block }));
    claimBlock(other, block, parent);
    expect(claimedBlocks(mine, parent)).toEqual(new Set([block]));
    expect(claimedBlocks(other, parent)).toEqual(new Set());
    expect(await firstFree(claimedBlocks(mine, parent))).not.toBe(block);
    rmSync(other.root, { recursive: true });
    expect(claimedBlocks(mine, parent)).toEqual(new Set());
  } finally {
    rmSync(parent, { recursive: true });
  }
});

test('only regular files in a folder of our own, closed to others, are claims; a released one is gone', () => {
  const parent = mkdtempSync(join(tmpdir(), 'claims-'));
  const folder = join(parent, `polarstack-blocks-${process.getuid?.()}`);
  try {
    const mine = homeAt(join(parent, 'mine'));
    const other = homeAt(join(parent, 'other'));
    mkdirSync(other.root);
    writeFileSync(other.record, JSON.stringify({ block: 7 }));
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    writeFileSync(join(folder, '7'), other.root);
    expect(claimedBlocks(mine, parent)).toEqual(new Set());
    claimBlock(other, 7, parent);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(spawnSync('mkfifo', [join(folder, '8')]).status).toBe(0); // opening it would wait for ever
    symlinkSync(join(folder, '7'), join(folder, '9'));
    mkdirSync(join(parent, 'polarstack-blocks-4242'), { mode: 0o700 });
    writeFileSync(join(parent, 'polarstack-blocks-4242', '7'), mine.root);
    expect(claimedBlocks(mine, parent)).toEqual(new Set([7]));
    expect(claimedBlocks(other, parent)).toEqual(new Set());
    releaseBlocks(other, parent);
    expect(readdirSync(folder).sort()).toEqual(['8', '9']);
  } finally {
    rmSync(parent, { recursive: true });
  }
});
