/** Figures in Prometheus' text format, version 0.0.4. */

export type Labels = Readonly<Record<string, string>>;

export class Page {
  readonly #lines: string[] = [];

  add(name: string, type: string, help: string, values: readonly (readonly [Labels, number])[]): void {
    this.addLines(name, type, help, new Map(values.map(([labels, value]) => [labelText(labels), value])));
  }

  addLines(name: string, type: string, help: string, values: ReadonlyMap<string, number>): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of values) this.#lines.push(`${name}${labels} ${value}`);
  }

  addHistogram(
    name: string,
    help: string,
    values: {
      readonly bounds: readonly number[];
      readonly counts: readonly number[];
      readonly sum: number;
      readonly count: number;
    },
  ): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`);
    values.bounds.forEach((bound, i) => {
      this.#lines.push(`${name}_bucket{le="${bound}"} ${values.counts[i] ?? 0}`);
    });
    this.#lines.push(`${name}_bucket{le="+Inf"} ${values.count}`);
    this.#lines.push(`${name}_sum ${values.sum}`, `${name}_count ${values.count}`);
  }

  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}

export function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) =>
      `${name}="${value.replaceAll(/["\\\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`))}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
