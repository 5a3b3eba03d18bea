/** Figures of several contestants by measure, told as median, range and ratio. */

interface Figure {
  readonly measure: string;
  readonly value: number;
  /** Of two times, or sizes, the smaller one is the better. */
  readonly isLessBetter?: boolean;
}

interface Measure {
  readonly isLessBetter: boolean;
  readonly values: Map<string, number[]>;
}

export class Figures {
  readonly #baseline: string;
  readonly #measures = new Map<string, Measure>();
  readonly #notes: string[] = [];

  /** @param baseline whom the others are compared with */
  constructor(baseline: string) {
    this.#baseline = baseline;
  }

  add(contestant: string, { measure: name, value, isLessBetter = false }: Figure): void {
    const measure = this.#measures.get(name) ?? { isLessBetter, values: new Map<string, number[]>() };
    this.#measures.set(name, measure);
    measure.values.set(contestant, [...(measure.values.get(contestant) ?? []), value]);
  }

  note(line: string): void {
    this.#notes.push(line);
  }

  /** The ratio is how many times as good the baseline is. */
  format(): string {
    const nameColumns = Math.max(...Array.from(this.#measures.keys(), ({ length }) => length), 0);
    const line = ([name = "", contestant = "", middle = "", range = "", compared = ""]: readonly string[]): string =>
      `${name.padEnd(nameColumns)}  ${contestant.padEnd(12)}${middle.padStart(12)}${range.padStart(20)}${compared.padStart(12)}`;
    const rows = Array.from(this.#measures, ([name, { isLessBetter, values }]) =>
      Array.from(values, ([contestant, all]) => {
        const own = median(values.get(this.#baseline) ?? []);
        const other = median(all);
        const ratio = isLessBetter ? other / own : own / other;
        const range = `${show(Math.min(...all))} - ${show(Math.max(...all))}`;
        const compared = contestant === this.#baseline || !Number.isFinite(ratio) ? "" : `${ratio.toFixed(2)} x`;
        return line([name, contestant, show(other), range, compared]);
      }),
    );
    return [line(["", "", "median", "range", `${this.#baseline} is`]), ...rows.flat(), ...this.#notes].join("\n");
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function show(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "too long";
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(2);
}

/** @param share 0.5 is the median; NaN of none */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
