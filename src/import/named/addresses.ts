/** Addresses in named.conf, and lists of servers that are asked. */
import { type IpAddress, parseIp, parsePrefix, type Prefix } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import type { Budget } from "../budget.ts";
import type { Located } from "../draft.ts";
import type { Problems } from "../problem.ts";
import type { NamedConfiguration } from "./configuration.ts";
import type { Statement } from "./statements.ts";

const MOST_DEPTH = 8;

export class ServerLists {
  readonly #configuration: NamedConfiguration;
  readonly #problems: Problems;
  /** Lists name others, which name others: together they may be endless. */
  readonly #budget: Budget;

  constructor(
    configuration: NamedConfiguration,
    { budget, problems }: { readonly budget: Budget; readonly problems: Problems },
  ) {
    this.#configuration = configuration;
    this.#budget = budget;
    this.#problems = problems;
  }

  /** Who is asked: "192.0.2.53", "192.0.2.53#5353". */
  servers({ words, block = [] }: Statement, depth = 0): Located<string>[] {
    const common = words[words.indexOf("port") + 1];
    return block.flatMap(({ words: [address = "", ...further], origin }) => {
      if (!this.#budget.take(1, origin)) return [];
      const list = this.#configuration.lists.get(address);
      if (list !== undefined && depth < MOST_DEPTH) return this.servers(list, depth + 1);
      for (const key of ["tls", "key"])
        if (further.includes(key))
          this.#problems.tell(
            origin,
            key === "tls" ? "the name in its certificate does not stand here" : "servers are asked without a key",
            key === "tls" ? `write tls://${address}/NAME` : "see whether the server answers without it",
          );
      const ip = readIp(address);
      if (ip === undefined) {
        this.#problems.tell(origin, `${address} is no address of a server`, "write one such as 192.0.2.53");
        return [];
      }
      const own = further.includes("port") ? further[further.indexOf("port") + 1] : undefined;
      const port = own ?? (words.includes("port") ? common : undefined) ?? "53";
      return [{ value: port === "53" ? ip : `${ip}#${port}`, origin: { ...origin } }];
    });
  }
}

export function readIp(text: string): IpAddress | undefined {
  try {
    return parseIp(text);
  } catch (error) {
    if (error instanceof NetloomError) return undefined;
    throw error;
  }
}

/** BIND leaves out the zeros at the end: "10/8". */
export function readPrefix(text: string): Prefix | undefined {
  const short = /^(\d+(?:\.\d+){0,2})\/(\d+)$/.exec(text);
  const whole = short === null ? text : `${[...short[1]!.split("."), "0", "0", "0"].slice(0, 4).join(".")}/${short[2]}`;
  try {
    return parsePrefix(whole);
  } catch (error) {
    if (error instanceof NetloomError) return undefined;
    throw error;
  }
}
