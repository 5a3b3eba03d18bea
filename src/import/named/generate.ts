/** BIND's $GENERATE: one line that stands for many, with a number in place of $. */
import { NetloomError } from "../../base/errors.ts";
import type { Word } from "../../wire/dns/master.ts";

const MOST_LINES = 65_536;
const BASES: Readonly<Record<string, number>> = { d: 10, o: 8, x: 16, X: 16 };

/** @param words behind $GENERATE: "1-10" or "0-100/2", then a line. @throws NetloomError bad-record */
export function* generate(words: readonly Word[]): Generator<readonly Word[]> {
  const [, first = "", last = "", step = "1"] =
    /^(\d{1,9})-(\d{1,9})(?:\/(\d{1,9}))?$/.exec(words[0]?.text ?? "") ?? [];
  const [start, stop, by] = [Number(first), Number(last), Number(step)];
  if (first === "" || stop < start || by < 1 || (stop - start) / by >= MOST_LINES)
    throw new NetloomError("bad-record", `$GENERATE: it needs a range such as 1-254, of at most ${MOST_LINES} numbers`);
  for (let number = start; number <= stop; number += by)
    yield words.slice(1).map(({ text, quoted }) => ({ text: substitute(text, number), quoted }));
}

/** $, ${OFFSET,WIDTH,BASE}; \$ and $$ are a dollar. */
function substitute(text: string, number: number): string {
  return text.replace(
    /\\\$|\$\$|\$(?:\{(-?\d{1,9})(?:,(\d{1,3})(?:,([doxX]))?)?\})?/g,
    (all, offset: string | undefined, width: string | undefined, base: string | undefined) => {
      if (all === "\\$" || all === "$$") return "$";
      const value = Math.max(0, number + Number(offset ?? 0)).toString(BASES[base ?? "d"]);
      return (base === "X" ? value.toUpperCase() : value).padStart(Number(width ?? 0), "0");
    },
  );
}
