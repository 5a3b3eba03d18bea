/** Who is answered: lists of addresses in which the first entry that has an address decides, and what they have in common. */
import { type Ipv4Address, type Ipv4Prefix, parsePrefix } from "../../base/address.ts";
import type { Budget } from "../budget.ts";
import type { Located } from "../draft.ts";
import type { Origin, Problems } from "../problem.ts";
import { readPrefix } from "./addresses.ts";
import { formatRange, isVast, type Range, RangeSet, rangeOf } from "./address-ranges.ts";
import type { NamedConfiguration } from "./configuration.ts";
import type { Statement } from "./statements.ts";

const MOST_DEPTH = 8;
const EVERYBODY = ["0.0.0.0/0", "::/0"].map(parsePrefix);

/** Statements that have such lists. */
export const CLIENTS = ["match-clients", "allow-query", "allow-recursion", "allow-query-cache"] as const;

/** The network that is made. */
export interface OwnNetwork {
  readonly name: string;
  readonly subnet: Ipv4Prefix;
  /** This host's own address on it, whom its server answers always. */
  readonly gateway: Ipv4Address;
}

interface Piece extends Range {
  /** This host alone, which is answered anyhow. */
  readonly isHost?: true;
  /** The network by its name. */
  readonly isNetwork?: boolean;
  readonly origin: Origin;
}

export class ClientLists {
  readonly #configuration: NamedConfiguration;
  readonly #problems: Problems;
  readonly #name: string;
  readonly #subnet: Range;
  readonly #gateway: Range;
  /** Lists name others, which name others: together they may be endless. */
  readonly #budget: Budget;

  constructor(
    configuration: NamedConfiguration,
    {
      network,
      budget,
      problems,
    }: { readonly network: OwnNetwork; readonly budget: Budget; readonly problems: Problems },
  ) {
    this.#configuration = configuration;
    this.#name = network.name;
    this.#subnet = rangeOf(network.subnet);
    this.#gateway = rangeOf({ address: network.gateway, length: 32 });
    this.#budget = budget;
    this.#problems = problems;
  }

  /** In the words of a network file; undefined: nothing is said, so those that a network has by itself. */
  allowed(): Located<string>[] | undefined {
    const said = this.#said();
    const zones = this.#configuration.zones.flatMap(({ settings }) => settings.get("allow-query") ?? []);
    this.#tellNarrower(zones, said?.pieces ?? [this.#subnet]);
    return said === undefined ? undefined : this.#inWords(said.pieces, said.origin);
  }

  #said(): { readonly pieces: readonly Piece[]; readonly origin: Origin } | undefined {
    const [view, query, ...recursion] = CLIENTS.map((key) => this.#configuration.options.get(key));
    const first = view ?? query ?? recursion.find((statement) => statement !== undefined);
    if (first === undefined) return undefined;
    let pieces = this.#piecesOf(first);
    if (view !== undefined && query !== undefined) pieces = this.#common(pieces, query);
    for (const statement of recursion) {
      if (statement === undefined || statement === first) continue;
      const common = this.#common(pieces, statement);
      if (isSmaller(common, pieces))
        this.#problems.tell(
          statement.origin,
          "who is answered is answered all; those who may not ask for everything get nothing",
          "see whether allow: is right",
        );
      pieces = common;
    }
    // Nothing says who may recurse: as with named that is the network, unless the view is for some only.
    if (first === view && query === undefined && recursion.every((one) => one === undefined) && pieces.some(isVast)) {
      pieces = this.#cut(pieces, [this.#subnet]);
      if (!isSmaller(pieces, [this.#subnet])) return undefined;
    }
    return { pieces, origin: first.origin };
  }

  /** Zones that not all of those may ask for who are answered. */
  #tellNarrower(zones: readonly Statement[], answered: readonly Range[]): void {
    for (const statement of zones)
      if (isSmaller(this.#piecesOf(statement), answered))
        this.#problems.tell(
          statement.origin,
          "who is answered is answered all, so that more may ask for this zone than here",
          "see whether allow: is right, or keep named for the zone: domains:",
        );
  }

  #inWords(pieces: readonly Piece[], origin: Origin): Located<string>[] | undefined {
    const others = pieces.filter(({ isHost }) => isHost !== true);
    if (pieces.length === 0)
      this.#problems.tell(
        origin,
        "nobody would be answered; the network is",
        "write at allow: who is answered, or leave out dns:",
      );
    else if (others.length === 0)
      this.#problems.tell(origin, "nobody but this host is answered", "write at allow: who is answered");
    if (pieces.length === 0) return undefined;
    const texts = (others.length === 0 ? pieces : others).flatMap((piece) =>
      this.#format(piece).map((value): Located<string> => ({ value, origin: { ...piece.origin } })),
    );
    // An address that several lists bring stands there once.
    const words = new Map(texts.map((entry) => [entry.value, entry]));
    return this.#budget.take(words.size, origin) ? [...words.values()] : [];
  }

  #format(piece: Piece): string[] {
    return piece.isNetwork === true ? [this.#name] : formatRange(piece);
  }

  /** Of what is there what the list has, too. */
  #common(pieces: readonly Piece[], statement: Statement): Piece[] {
    return this.#cut(pieces, this.#piecesOf(statement));
  }

  #cut(pieces: readonly Piece[], by: readonly Range[]): Piece[] {
    const set = new RangeSet(by);
    return pieces.flatMap((piece) => this.#partsOf(piece, set.within(piece)));
  }

  #partsOf(piece: Piece, parts: readonly Range[]): Piece[] {
    if (!this.#budget.take(parts.length, piece.origin)) return [];
    return parts.map((part) =>
      isSame(part, piece) ? piece : { ...part, isNetwork: isSame(part, this.#subnet), origin: piece.origin },
    );
  }

  #piecesOf({ block = [] }: Statement, depth = 0): Piece[] {
    const leftOut = new RangeSet();
    return block.flatMap((element) => {
      const { words, isNegated } = withoutNegation(element.words);
      const pieces = this.#piecesOfElement({ ...element, words }, isNegated, depth);
      if (!isNegated) return pieces.flatMap((piece) => this.#partsOf(piece, leftOut.outside(piece)));
      for (const piece of pieces) leftOut.add(piece);
      return [];
    });
  }

  #piecesOfElement(element: Statement, isNegated: boolean, depth: number): Piece[] {
    const { words, block, origin } = element;
    const word = words[0] ?? "";
    const located = (...ranges: readonly Range[]): Piece[] => ranges.map((range) => ({ ...range, origin }));
    if (!this.#budget.take(1, origin)) return [];
    if (words.length === 0 && block !== undefined && depth < MOST_DEPTH) return this.#piecesOf(element, depth + 1);
    switch (word.toLowerCase()) {
      case "any":
        return located(...EVERYBODY.map(rangeOf));
      case "none":
        return [];
      case "localnets":
        return [{ ...this.#subnet, isNetwork: true, origin }];
      case "localhost":
        if (isNegated) this.#problems.tell(origin, "this host itself is always answered", "nothing is to be done");
        return isNegated ? [] : [{ ...this.#gateway, isHost: true, origin }];
      case "key":
        this.#problems.tell(origin, "nobody proves who he is with a key", "write addresses");
        return [];
    }
    const list = this.#configuration.lists.get(word);
    if (list !== undefined && depth < MOST_DEPTH) return this.#piecesOf(list, depth + 1);
    const prefix = readPrefix(word);
    if (prefix !== undefined) return located(rangeOf(prefix));
    this.#problems.tell(
      origin,
      `${word} is neither an address nor the name of a list`,
      "write an address, or an acl of that name",
    );
    return [];
  }
}

function isSame(one: Range, other: Range): boolean {
  return one.first === other.first && one.last === other.last;
}

/** Whether `one` lacks addresses that `other` has. */
function isSmaller(one: readonly Range[], other: readonly Range[]): boolean {
  const set = new RangeSet(one);
  return other.some((range) => set.outside(range).length > 0);
}

/** "!192.0.2.1", "! { ... }" */
function withoutNegation(words: readonly string[]): { readonly words: readonly string[]; readonly isNegated: boolean } {
  const [first = "", ...further] = words;
  if (!first.startsWith("!")) return { words, isNegated: false };
  return { words: first === "!" ? further : [first.slice(1), ...further], isNegated: true };
}
