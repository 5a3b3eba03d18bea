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
  MOST_CLASSES,
  Names,
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

interface TagClass {
  readonly draft: DraftClass;
  readonly network: DraftNetwork | undefined;
  /** When it was last named. */
  turn: number;
}

/** As many classes as a network of a file has. */
const MOST_MATCHES = 256;
/** Of the kinds that clients with several tags are. */
const MOST_PRODUCT = 1024;

export class Tags {
  readonly #bearers = new Map<string, Bearers>();
  readonly #classes = new Map<string, TagClass[]>();
  /** Those of all networks under none. */
  readonly #byNetwork = new Map<DraftNetwork | undefined, TagClass[]>();
  readonly #names = new Names();
  readonly #sortedOnce = new Map<
    DraftNetwork | undefined,
    { readonly of: number; readonly turn: number; readonly first: readonly TagClass[] }
  >();
  #turn = 0;

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
    let matches: readonly Match[] = [{}];
    for (const { matches: own } of classes) {
      if (matches.length * own.length > MOST_PRODUCT) return undefined;
      matches = matches.flatMap((match) => own.flatMap((other) => bothMatch(match, other) ?? []));
    }
    const name = classes.map(({ tag }) => tag).join("-");
    const turn = ++this.#turn;
    return inNetworks.flatMap((network) =>
      this.#classesOf(name, matches, network, origin).map((entry) => {
        entry.turn = turn;
        return entry.draft.settings;
      }),
    );
  }

  #isClass(tag: string): boolean {
    return (this.#bearers.get(tag)?.matches.length ?? 0) > 0;
  }

  /** The classes of a tag in all networks, or in one. */
  #classesOf(name: string, matches: readonly Match[], network: DraftNetwork | undefined, origin: Origin): TagClass[] {
    const key = `${name} ${network?.name ?? ""}`;
    const known = this.#classes.get(key);
    const classes =
      known ??
      joinArchitectures(matches).map((match) => ({
        draft: {
          name: this.#names.unused(cleanName(name, "class")),
          origin,
          match,
          ranges: [],
          settings: emptySettings(),
        },
        network,
        turn: 0,
      }));
    if (known !== undefined) return known;
    this.#classes.set(key, classes);
    const list = this.#byNetwork.get(network) ?? [];
    this.#byNetwork.set(network, list);
    list.push(...classes);
    return classes;
  }

  /** The classes of a tag in one network, made when there are none. */
  classesIn(tag: string, network: DraftNetwork, origin: Origin): DraftClass[] {
    return this.#classesOf(tag, this.of(tag).matches, network, origin).map(({ draft }) => draft);
  }

  /** In the order in which they count: of two lines for one client dnsmasq takes the later one. */
  classesFor(network: DraftNetwork): DraftClass[] {
    return [...this.#sorted(undefined), ...this.#sorted(network)]
      .toSorted((a, b) => b.turn - a.turn)
      .map(({ draft }) => draft);
  }

  /** The first of them: no network has more. */
  #sorted(network: DraftNetwork | undefined): readonly TagClass[] {
    const all = this.#byNetwork.get(network) ?? [];
    const known = this.#sortedOnce.get(network);
    if (known?.of === all.length && known.turn === this.#turn) return known.first;
    const first = all.toSorted((a, b) => b.turn - a.turn).slice(0, MOST_CLASSES + 1);
    this.#sortedOnce.set(network, { of: all.length, turn: this.#turn, first });
    return first;
  }
}
