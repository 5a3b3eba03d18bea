/** Alternating rounds of several contestants, reported as median, range and ratio. */

interface Contestant {
  readonly name: string;
  /** One round; resolves to milliseconds by phase. */
  round(): Promise<Readonly<Record<string, number>>>;
}

interface Row {
  readonly name: string;
  readonly phase: string;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Run every contestant `rounds` times, taking turns, so that a noisy minute hits all of them. */
export async function compete(contestants: readonly Contestant[], rounds: number): Promise<Row[]> {
  const times = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) {
      for (const [phase, milliseconds] of Object.entries(await contestant.round())) {
        const key = `${contestant.name}\u0000${phase}`;
        times.set(key, [...(times.get(key) ?? []), milliseconds]);
      }
    }
  }
  return Array.from(times, ([key, values]) => {
    const [name = "", phase = ""] = key.split("\u0000");
    const sorted = values.toSorted((a, b) => a - b);
    return { name, phase, median: sorted[sorted.length >> 1] ?? 0, least: sorted[0] ?? 0, most: sorted.at(-1) ?? 0 };
  });
}

/** A table of the rows; the ratio is to the contestant named `baseline` in the same phase. */
export function formatRows(rows: readonly Row[], baseline: string): string {
  const line = ([name = "", phase = "", median = "", range = "", ratio = ""]: readonly string[]): string =>
    `${name.padEnd(26)}${phase.padEnd(10)}${median.padStart(12)}${range.padStart(14)}   ${ratio}`.trimEnd();
  const body = rows.map((row) => {
    const base = rows.find((other) => other.name === baseline && other.phase === row.phase);
    const ratio = base === undefined || base.median === 0 ? "" : `${(row.median / base.median).toFixed(2)} x`;
    return line([row.name, row.phase, row.median.toFixed(0), `${row.least.toFixed(0)}-${row.most.toFixed(0)}`, ratio]);
  });
  return [line(["", "phase", "median ms", "range ms", `to ${baseline}`]), ...body].join("\n");
}
