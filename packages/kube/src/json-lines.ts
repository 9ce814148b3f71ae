/** Splits a stream of text chunks into lines; an unfinished last line is dropped, it is no event. */
export async function* lines(chunks: AsyncIterable<string>, onChunk: () => void): AsyncGenerator<string> {
  let parts: string[] = [];
  for await (const chunk of chunks) {
    onChunk();
    let start = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      parts.push(chunk.slice(start, end));
      const line = parts.length === 1 ? parts[0] : parts.join('');
      parts = [];
      start = end + 1;
      if (line !== undefined && line.trim() !== '') yield line;
    }
    if (start < chunk.length) parts.push(chunk.slice(start));
  }
}
