/**
 * The tags of a dnsmasq configuration and who has them: clients that are alike (dhcp-match, dhcp-vendorclass, …), the
 * hosts of a dhcp-host, or the network of a dhcp-range.
 */
import {
  bothMatch,
  type DraftClass,
  type DraftHost,
  type DraftNetwork,
  cleanName,
  emptySettings,
  joinArchitectures,
  unusedName,
  type Match,
  type Settings,
} from "../draft.ts";
import type { Origin } from "../problem.ts";

/** Everything that is one of a tag. */
interface Bearers {
  readonly matches: Match[];
  readonly hosts: DraftHost[];
  readonly networks: Set<DraftNetwork>;
}

/** For whom something is told. */
export interface Audience {
  /** Undefined: of all networks. */
  readonly network: DraftNetwork | undefined;
  readonly settings: Settings;
}

interface TagClass {
  readonly draft: DraftClass;
  readonly network: DraftNetwork | undefined;
  lastLine: number;
}

/** As many classes as a network of a file has. */
const MOST_MATCHES = 256;

export class Tags {
  readonly #bearers = new Map<string, Bearers>();
  readonly #classes = new Map<string, TagClass[]>();
  readonly #names = new Set<string>();

  of(tag: string): Bearers {
    const known = this.#bearers.get(tag);
    if (known !== undefined) return known;
    const made: Bearers = { matches: [], hosts: [], networks: new Set() };
    this.#bearers.set(tag, made);
    return made;
  }

  /** Clients of this kind have the tag. False: it has too many kinds already. */
  add(tag: string, match: Match): boolean {
    const { matches } = this.of(tag);
    if (matches.length >= MOST_MATCHES) return false;
    matches.push(match);
    return true;
  }

  has(tag: string): boolean {
    return this.#bearers.has(tag);
  }

  /**
   * Whose settings are those of clients with all these tags; undefined: nobody that a network file can name.
   * @param common settings of all networks
   */
  audience(tags: readonly string[], common: Settings, origin: Origin): Settings[] | undefined {
    // What others than a class are told is the network's; the class has its own.
    const wanted = tags.filter((tag) => !(tag.startsWith("!") && this.#isClass(tag.slice(1))));
    if (wanted.some((tag) => tag.startsWith("!") || !this.has(tag))) return undefined;
    const bearers = wanted.map((tag) => ({ tag, ...this.of(tag) }));
    const networks = bearers.filter((bearer) => bearer.networks.size > 0);
    const classes = bearers.filter((bearer) => bearer.networks.size === 0 && bearer.matches.length > 0);
    const hosts = bearers.filter((bearer) => bearer.networks.size === 0 && bearer.matches.length === 0);
    if (networks.length > 1) return undefined;
    const inNetworks = networks.length === 0 ? [undefined] : [...networks[0]!.networks];
    if (hosts.length > 0)
      return hosts.length === 1 && classes.length === 0 ? hosts[0]!.hosts.map(({ settings }) => settings) : undefined;
    if (classes.length === 0) return inNetworks.map((network) => (network === undefined ? common : network.settings));
    const matches = classes.reduce<readonly Match[]>(
      (all, { matches: own }) => all.flatMap((match) => own.flatMap((other) => bothMatch(match, other) ?? [])),
      [{}],
    );
    const name = classes.map(({ tag }) => tag).join("-");
    return inNetworks.flatMap((network) =>
      this.#classesOf(name, matches, network, origin).map(({ settings }) => settings),
    );
  }

  #isClass(tag: string): boolean {
    return (this.#bearers.get(tag)?.matches.length ?? 0) > 0;
  }

  /** The classes of a tag in all networks, or in one. */
  #classesOf(name: string, matches: readonly Match[], network: DraftNetwork | undefined, origin: Origin): DraftClass[] {
    const key = `${name} ${network?.name ?? ""}`;
    const known = this.#classes.get(key);
    const classes =
      known ??
      joinArchitectures(matches).map((match) => ({
        draft: {
          name: unusedName(cleanName(name, "class"), this.#names),
          origin,
          match,
          ranges: [],
          settings: emptySettings(),
        },
        network,
        lastLine: origin.line,
      }));
    this.#classes.set(key, classes);
    for (const entry of classes) entry.lastLine = Math.max(entry.lastLine, origin.line);
    return classes.map(({ draft }) => draft);
  }

  /** The classes of a tag in one network, made when there are none. */
  classesIn(tag: string, network: DraftNetwork, origin: Origin): DraftClass[] {
    return this.#classesOf(tag, this.of(tag).matches, network, origin);
  }

  /** In the order in which they count: of two lines for one client dnsmasq takes the later one. */
  classesFor(network: DraftNetwork): DraftClass[] {
    return [...this.#classes.values()]
      .flat()
      .filter((entry) => entry.network === undefined || entry.network === network)
      .toSorted((a, b) => b.lastLine - a.lastLine)
      .map(({ draft }) => draft);
  }
}
