/**
 * Splits a stream of UTF-8 bytes into lines; an unfinished last line is dropped, it is no event. `onChunk` hears of
 * every sign of life.
 */
export async function* lines(chunks: AsyncIterable<Uint8Array>, onChunk: () => void): AsyncGenerator<string> {
  // Characters may be cut between two chunks.
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const bytes of chunks) {
    onChunk();
    const chunk = decoder.decode(bytes, { stream: true });
    let start = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      const line = parts.join('') + chunk.slice(start, end);
      parts = [];
      start = end + 1;
      if (line.trim() !== '') yield line;
    }
    if (start < chunk.length) parts.push(chunk.slice(start));
  }
}
