/** Text that has to fit a terminal: as wide as it is shown there, not as long as it is. */

/** East Asian Width W and F of Unicode, in large: characters that take two columns. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const MARK = /\p{M}|\p{Cf}/u;
const MORE = "…";

function widthOf(character: string): number {
  return MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}

export function displayWidth(text: string): number {
  // Of most text each character takes one.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** What has no room is cut off at the end, and an ellipsis says so. */
export function cutEnd(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let kept = "";
  let width = 1;
  for (const character of text) {
    width += widthOf(character);
    if (width > columns) break;
    kept += character;
  }
  return columns < 1 ? "" : kept + MORE;
}

/** In lines between words; all but the first are indented. */
export function wrap(text: string, columns: number, indent: number): string[] {
  const [margin = ""] = /^ */.exec(text) ?? [];
  const lines: string[] = [];
  let line = "";
  for (const word of text.slice(margin.length).split(/(?<=\S)(?=\s)/)) {
    if (line !== "" && displayWidth(line) + displayWidth(word) > columns) {
      lines.push(line);
      line = " ".repeat(indent) + word.trimStart();
    } else line += line === "" ? margin + word : word;
  }
  return [...lines, line].map((each) => cutEnd(each, columns));
}

/**
 * Rows with their columns two spaces apart; the last cell of a shorter row takes what is left.
 * @param flexible columns that are cut where all together are too wide, the widest first, and how wide each remains
 */
export function fitTable(
  rows: readonly (readonly string[])[],
  columns: number,
  flexible: ReadonlyMap<number, number>,
): string[] {
  const most = Math.max(0, ...rows.map(({ length }) => length));
  const isLast = (row: readonly string[], i: number): boolean => row.length < most && i === row.length - 1;
  const widths = Array.from({ length: most }, () => 0);
  for (const row of rows)
    for (const [i, cell] of row.entries())
      if (!isLast(row, i)) widths[i] = Math.max(widths[i] ?? 0, displayWidth(cell));
  const total = (): number => widths.reduce((sum, width) => sum + width, 2 * (widths.length - 1));
  for (let excess = total() - columns; excess > 0; excess--) {
    const [widest] = [...flexible]
      .filter(([i, least]) => (widths[i] ?? 0) > least)
      .toSorted(([a], [b]) => (widths[b] ?? 0) - (widths[a] ?? 0));
    if (widest === undefined) break;
    widths[widest[0]]!--;
  }
  return rows.map((row) => {
    const cells = row.map((cell, i) => {
      if (isLast(row, i)) return cell;
      const cut = cutEnd(cell, widths[i] ?? 0);
      return cut + " ".repeat(Math.max(0, (widths[i] ?? 0) - displayWidth(cut)));
    });
    return cutEnd(cells.join("  ").trimEnd(), columns);
  });
}
