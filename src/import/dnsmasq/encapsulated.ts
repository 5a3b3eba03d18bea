/** Options that hold others: what the lines of a configuration put into them, as bytes. */
import { concatBytes } from "../../base/bytes.ts";
import type { Located, Settings } from "../draft.ts";
import type { Origin } from "../problem.ts";
import type { Container } from "./options.ts";

interface Content {
  readonly container: Container;
  readonly origin: Origin;
  readonly options: Map<number, Uint8Array>;
}

export class Encapsulated {
  /** By settings, and by what holds the options. */
  readonly #contents = new Map<Settings, Map<string, Content>>();

  add(settings: Settings, container: Container, code: number, { value, origin }: Located<Uint8Array>): void {
    const own = this.#contents.get(settings) ?? new Map<string, Content>();
    this.#contents.set(settings, own);
    const key = `${container.code} ${container.enterprise ?? ""}`;
    const known = own.get(key) ?? { container, origin, options: new Map<number, Uint8Array>() };
    own.set(key, known);
    known.options.set(code, value);
  }

  /**
   * Write the options that were gathered; one that is said as a whole stays.
   * @param common settings of all: what they say of an option is part of everybody's
   */
  finish(common: Settings): void {
    for (const [settings, own] of this.#contents) {
      const all = new Map(this.#contents.get(common));
      for (const [key, content] of own) {
        const options = new Map([...(all.get(key)?.options ?? []), ...content.options]);
        all.set(key, { ...content, options });
      }
      const mine = [...all.values()].filter(({ container }) =>
        [...own.values()].some((each) => each.container.code === container.code),
      );
      for (const [code, contents] of Map.groupBy(mine, ({ container }) => container.code)) {
        const value = concatBytes(contents.map(encode));
        if (!settings.options.has(code)) settings.options.set(code, { value, origin: contents[0]!.origin });
      }
    }
  }
}

function encode({ container: { enterprise }, options }: Content): Uint8Array {
  const inner = concatBytes(
    Array.from(options, ([code, value]) => concatBytes([Uint8Array.of(code, value.length), value])),
  );
  if (enterprise === undefined) return inner;
  const head = Uint8Array.of(enterprise >>> 24, enterprise >>> 16, enterprise >>> 8, enterprise, inner.length);
  return concatBytes([head, inner]);
}
