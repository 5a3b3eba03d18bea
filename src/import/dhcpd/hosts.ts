/** The hosts of a dhcpd.conf in the networks that their addresses are of. */
import type { Budget } from "../budget.ts";
import {
  type DraftClass,
  type DraftHost,
  type DraftNetwork,
  hostName,
  MOST_CLASSES,
  MOST_HOSTS,
  Names,
  type Settings,
  valuesOf,
} from "../draft.ts";
import type { Origin, Problems } from "../problem.ts";
import type { DhcpdConfiguration } from "./read.ts";
import { around, type Host, inherited, type Scope, settle, type Subnet } from "./scope.ts";

const ANYWHERE = new Set<Scope["kind"]>(["file", "shared-network", "subnet"]);

type Identity = DraftHost["identity"];

/** A network while hosts are put into it. */
interface Filling {
  readonly network: DraftNetwork;
  readonly names: Names;
  readonly classNames: Names;
  /** What is told to single hosts counts before what is told to kinds of them; the last comes first. */
  readonly classes: DraftClass[];
}

export class HostReader {
  readonly #configuration: DhcpdConfiguration;
  readonly #networks: ReadonlyMap<Subnet, Filling>;
  readonly #budget: Budget;
  readonly #problems: Problems;

  constructor(
    configuration: DhcpdConfiguration,
    networks: ReadonlyMap<Subnet, DraftNetwork>,
    budget: Budget,
    problems: Problems,
  ) {
    this.#configuration = configuration;
    this.#budget = budget;
    this.#problems = problems;
    this.#networks = new Map(
      Array.from(networks, ([subnet, network]) => {
        const classNames = new Names();
        for (const { name } of network.classes) classNames.unused(name);
        return [subnet, { network, names: new Names(), classNames, classes: [] }];
      }),
    );
  }

  addAll(): void {
    const { hosts } = this.#configuration;
    const unnamed = hosts.find((host) => inherited(host.scope, ({ tellsNames }) => tellsNames) !== true);
    if (unnamed !== undefined)
      this.#problems.tell(
        unnamed.scope.origin,
        "hosts are told their names, which dhcpd does with use-host-decl-names alone",
        "remove name: from hosts that shall keep names of their own",
      );
    for (const { scope } of hosts.slice(MOST_HOSTS))
      this.#problems.tell(
        scope.origin,
        `a network has at most ${MOST_HOSTS} hosts`,
        "part them among several networks",
      );
    for (const host of hosts.slice(0, MOST_HOSTS)) if (!this.#budget.isSpent) this.#add(host);
    for (const { network, classes } of this.#networks.values()) network.classes.unshift(...classes.toReversed());
  }

  #add(host: Host): void {
    const { scope } = host;
    const { origin } = scope;
    const settings = settle(
      around(scope, ({ kind }) => !ANYWHERE.has(kind)),
      this.#problems,
    );
    for (const { branches } of scope.conditionals)
      this.#problems.tell(
        branches[0]?.statement.origin ?? origin,
        "a host has no conditions",
        "write a class with its mac",
      );
    const identity = this.#identityOf(host);
    if (identity === undefined) {
      this.#problems.tell(
        origin,
        "it says neither the host's MAC address nor its client identifier",
        "add one of them",
      );
      return;
    }
    const booting = inherited(scope, (at) => at.booting);
    if (booting?.value === "deny" && "mac" in identity) this.#ignore(identity.mac, origin);
    else if (host.addresses.length > 0) this.#addWithAddresses(host, identity, settings);
    else this.#addWithoutAddress(host.name, identity, settings, origin);
  }

  #ignore(mac: string, origin: Origin): void {
    for (const { network } of this.#networks.values()) {
      if (!this.#budget.take(1, origin)) return;
      network.ignore.push({ value: mac, origin });
    }
  }

  #addWithAddresses({ name, addresses, scope: { origin } }: Host, identity: Identity, settings: Settings): void {
    const known = new Set<Subnet>();
    for (const { value, origin: at } of addresses) {
      const subnet = this.#configuration.subnetOf(value);
      const filling = subnet === undefined ? undefined : this.#networks.get(subnet);
      if (subnet === undefined || filling === undefined) {
        this.#problems.tell(
          at,
          `${value} is of no subnet that the file declares`,
          "declare its subnet, or change the address",
        );
      } else if (known.has(subnet)) {
        const reason = `a host has one address in a network, ${value} is another one`;
        this.#problems.tell(at, reason, "make a host of its own of it");
      } else if (this.#budget.take(5 + valuesOf(settings), origin)) {
        known.add(subnet);
        const told = filling.names.unused(hostName(name));
        filling.network.hosts.push({ name: told, origin, identity, address: value, settings: hostSettings(settings) });
      } else return;
    }
  }

  /** What is told to a host that gets an address of the range is told to a class of one. */
  #addWithoutAddress(name: string, identity: Identity, settings: Settings, origin: Origin): void {
    if (!("mac" in identity)) {
      this.#problems.tell(origin, "a host without an address cannot be known by this", "give it an address");
      return;
    }
    const told = hostSettings(settings);
    for (const { network, classNames, classes } of this.#networks.values()) {
      if (network.knownOnly !== undefined)
        this.#problems.tell(
          origin,
          "a host without an address is not known, and only known ones are served",
          "give it an address",
        );
      if (valuesOf(settings) === 0) {
        if (network.knownOnly === undefined)
          this.#problems.tell(
            origin,
            "it has no address of its own and is told nothing of its own",
            "nothing is to be done",
          );
      } else if (classes.length + network.classes.length >= MOST_CLASSES) {
        const reason = `a network has at most ${MOST_CLASSES} classes, which hosts without addresses are`;
        this.#problems.tell(origin, reason, "give it an address");
      } else {
        if (!this.#budget.take(4 + valuesOf(told), origin)) return;
        const own = { name: classNames.unused(hostName(name)), origin, match: { mac: identity.mac }, ranges: [] };
        classes.push({ ...own, settings: told });
      }
    }
  }

  #identityOf({ hardware, clientId, circuitId }: Host): Identity | undefined {
    if (hardware !== undefined) {
      for (const other of [clientId, circuitId]) {
        const reason = "a host is told by one thing, here by its MAC address";
        if (other !== undefined) this.#problems.tell(other.origin, reason, "nothing is to be done");
      }
      return { mac: hardware.value };
    }
    if (clientId !== undefined) return { clientId: clientId.value };
    return circuitId === undefined ? undefined : { circuitId: circuitId.value };
  }
}

/** A host has one lease time. */
function hostSettings(settings: Settings): Settings {
  const { leaseMinimum: _minimum, leaseMaximum, leaseDefault, ...rest } = settings;
  const lease = leaseDefault ?? leaseMaximum;
  return lease === undefined ? rest : { ...rest, leaseDefault: lease };
}
