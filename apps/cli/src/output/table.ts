/** A cell: its text, and how it is painted (which must not change its width). */
export type Cell = string | { readonly text: string; readonly paint: (text: string) => string };

const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text);

/** Columns at what they need, parted by three spaces, the last one ragged; no lines, so that it can be cut by tools. */
export function renderTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => textOf(row[column] ?? '').length)),
  );
  const line = (cells: readonly Cell[]): string =>
    cells
      .map((cell, column) => {
        const text = textOf(cell);
        const shown = typeof cell === 'string' ? text : cell.paint(text);
        return column === cells.length - 1 ? shown : shown + ' '.repeat((widths[column] ?? 0) - text.length);
      })
      .join('   ')
      .trimEnd();
  return `${[head, ...rows].map(line).join('\n')}\n`;
}
