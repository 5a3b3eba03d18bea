/** Lists of addresses in named.conf: who may ask, and who is asked. */
import { formatPrefix, type IpAddress, networkOf, parseIp, parsePrefix } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import type { Budget } from "../budget.ts";
import type { Located } from "../draft.ts";
import type { Problems } from "../problem.ts";
import type { NamedConfiguration } from "./configuration.ts";
import type { Statement } from "./statements.ts";

const MOST_DEPTH = 8;
const EVERYBODY = ["0.0.0.0/0", "::/0"];

export class AddressLists {
  readonly #configuration: NamedConfiguration;
  readonly #problems: Problems;
  /** The network that is made, for localnets. */
  readonly #network: string;
  /** Lists name others, which name others: together they may be endless. */
  readonly #budget: Budget;

  constructor(
    configuration: NamedConfiguration,
    { network, budget, problems }: { readonly network: string; readonly budget: Budget; readonly problems: Problems },
  ) {
    this.#configuration = configuration;
    this.#network = network;
    this.#budget = budget;
    this.#problems = problems;
  }

  /** Who may ask, in the words of a network file. */
  clients({ block = [] }: Statement, depth = 0): Located<string>[] {
    return block.flatMap((element) => this.#clientsOf(element, depth));
  }

  #clientsOf(element: Statement, depth: number): Located<string>[] {
    const { words, block, origin } = element;
    const word = words[0] ?? "";
    const located = (values: readonly string[]): Located<string>[] =>
      values.map((value) => ({ value, origin: { ...origin } }));
    if (!this.#budget.take(1, origin)) return [];
    if (words.length === 0 && block !== undefined && depth < MOST_DEPTH) return this.clients(element, depth + 1);
    if (word.startsWith("!")) {
      this.#problems.tell(origin, "nobody is left out of a list", "write only those who are answered");
      return [];
    }
    switch (word) {
      case "any":
        return located(EVERYBODY);
      case "none":
        return [];
      case "localhost":
      case "localnets":
        return located([this.#network]);
      case "key":
        this.#problems.tell(origin, "nobody proves who he is with a key", "write addresses");
        return [];
    }
    const list = this.#configuration.lists.get(word);
    if (list !== undefined && depth < MOST_DEPTH) return this.clients(list, depth + 1);
    const prefix = readPrefix(word);
    if (prefix !== undefined) return located([prefix]);
    this.#problems.tell(
      origin,
      `${word} is neither an address nor the name of a list`,
      "write an address, or an acl of that name",
    );
    return [];
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
function readPrefix(text: string): string | undefined {
  const short = /^(\d+(?:\.\d+){0,2})\/(\d+)$/.exec(text);
  const whole = short === null ? text : `${[...short[1]!.split("."), "0", "0", "0"].slice(0, 4).join(".")}/${short[2]}`;
  try {
    return text.includes("/") ? formatPrefix(networkOf(parsePrefix(whole))) : parseIp(text);
  } catch (error) {
    if (error instanceof NetloomError) return undefined;
    throw error;
  }
}
