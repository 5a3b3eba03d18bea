/**
 * A bind whose record cannot be read: it is set aside, and what the bind made is looked up by its marks in the pod.
 * What the pod's interface was before is read from where it still shows: the stand-in has the pod's MAC address and
 * addresses, and the list of services what its guest is told. From that comes a journal as a cut-off bind leaves it:
 * unbind gives back what is known, and says what is not.
 */
import type { IpAddress, Ipv6Address, MacAddress } from "../base/address.ts";
import { eui64Address } from "../compile/binding/guest-ip6.ts";
import { findServiceList } from "../services/keeper/service-list.ts";
import { observe } from "../kernel/observe.ts";
import { isMarked, markedKey } from "../state/mark.ts";
import { EMPTY } from "../state/desired.ts";
import { isService, nameOf, type ServiceObject, type StateObject } from "../state/object.ts";
import type { AddressObject, LinkObject, LinkType, NextHop } from "../state/object/kernel.ts";
import type { ObservedLink, ObservedNamespace } from "../state/snapshot.ts";
import { tableName } from "../state/table-name.ts";
import type { UnitStore } from "../store/unit.ts";

const FAMILIES = ["ip", "ip6", "inet", "bridge", "netdev"] as const;
const SCOPE_LINK = 253;
/** IFAPROT_KERNEL_LL (linux/if_addr.h). */
const PROTOCOL_KERNEL_LINK_LOCAL = 3;
const GENERATE_EUI64 = 0;
const DEFAULT_GENERATION = "net/ipv6/conf/default/addr_gen_mode";
const TABLE_MAIN = 254;
const PROTOCOL_BOOT = 3;

interface Place {
  readonly stateFolder: string;
  readonly namespace: string;
  readonly interfaceName: string;
}

/**
 * Does nothing when record and journal can be read.
 * @returns what a person should know
 * @throws NetloomError unknown-version
 */
export async function salvageBind(unit: UnitStore, place: Place): Promise<readonly string[]> {
  const renamed = unit.setCorruptAside();
  if (renamed.length === 0) return [];
  const notes = renamed.map((name) => `${unit.folder}/${name} could not be read and was set aside`);
  if (unit.readRecord() !== undefined || unit.readJournal() !== undefined) return notes;
  const { namespace, interfaceName } = place;
  const nft = tableNames(interfaceName).flatMap((name) => FAMILIES.map((family) => ({ family, name })));
  const request = { name: namespace, nft, sysctls: [DEFAULT_GENERATION] };
  const observed = (await observe({ namespaces: [request], files: [] })).namespaces[namespace];
  if (observed === null || observed === undefined) return [...notes, `namespace ${namespace} is gone, and all in it`];
  const scene = new Scene(place, observed, findServiceList(place.stateFolder).units[unit.name] ?? []);
  const originals = scene.originals();
  unit.writeJournal({
    version: 1,
    source: "",
    desired: EMPTY,
    steps: scene.made().map((after) => ({ key: after.key, after, summary: `make ${nameOf(after)}`, commands: [] })),
    originals: Object.fromEntries(originals.map((object) => [object.key, object])),
  });
  return [...notes, summaryOf(originals, place)];
}

function summaryOf(originals: readonly StateObject[], { namespace, interfaceName }: Place): string {
  const what = `${interfaceName} in ${namespace}`;
  if (originals.length === 0)
    return `${what} itself was not changed; whether it forwarded before is not known: nsenter --net=/run/netns/${namespace} sysctl net.ipv4.conf.${interfaceName}.forwarding=0 net.ipv6.conf.all.forwarding=0`;
  const known = originals.flatMap((object) => {
    if (object.kind !== "link") return [nameOf(object)];
    return object.macAddress === undefined ? [] : [`MAC address ${object.macAddress}`];
  });
  return known.length === 0
    ? `nothing tells what ${what} was before: it keeps its MAC address and has no others: ip -n ${namespace} address add … dev ${interfaceName}`
    : `${what} was found to have had ${known.join(", ")}; other routes are not known any more: ip -n ${namespace} route add …`;
}

/** What is left of a bind in its pod. */
class Scene {
  readonly #place: Place;
  readonly #observed: ObservedNamespace;
  readonly #services: readonly ServiceObject[];
  /** Of the pod's interface; all that the bind made is called after it. */
  readonly #key: string;
  readonly #links: ReadonlyMap<string, ObservedLink>;

  constructor(place: Place, observed: ObservedNamespace, services: readonly ServiceObject[]) {
    this.#place = place;
    this.#observed = observed;
    this.#services = services;
    this.#key = `pod ${place.namespace} ${place.interfaceName}`;
    this.#links = new Map(
      observed.links.flatMap((link): [string, ObservedLink][] => {
        const key = markedKey(link.alias);
        return key?.startsWith(`${this.#key} `) === true ? [[key, link]] : [];
      }),
    );
  }

  made(): StateObject[] {
    const { namespace } = this.#place;
    const objects: StateObject[] = [];
    for (const [key, link] of this.#links) {
      const type = this.#typeOf(link);
      if (type !== undefined)
        objects.push({ kind: "link", key, origin: this.#key, namespace, name: link.name, link: type });
    }
    for (const table of this.#observed.nftTables) {
      const family = FAMILIES.find((candidate) => candidate === table.family);
      if (!isMarked(table.comment) || family === undefined) continue;
      const key = `${this.#key} nft ${family}`;
      objects.push({ kind: "nft-table", key, origin: this.#key, namespace, family, name: table.name, rules: "" });
    }
    const pod = this.#podLink();
    if (pod !== undefined) objects.push(this.#adopted(pod, pod.name));
    return [...objects, ...this.#services.filter(isService)];
  }

  /** In the order in which they can come back. */
  originals(): StateObject[] {
    const pod = this.#podLink();
    if (pod === undefined) return [];
    const macAddress = this.#macAddress();
    // The bind has turned it off; a link that nobody configured has the default of its namespace.
    const generation = pod.ipv6AddressGeneration === undefined ? undefined : this.#observed.sysctls[DEFAULT_GENERATION];
    const link: LinkObject = {
      ...this.#adopted(pod, this.#place.interfaceName),
      up: true,
      masterKey: null,
      ...(macAddress === undefined ? {} : { macAddress }),
      ...(generation === undefined ? {} : { ipv6AddressGeneration: Number(generation) }),
    };
    const addresses = this.#addresses();
    if (macAddress !== undefined && Number(generation) === GENERATE_EUI64) {
      const protocol = PROTOCOL_KERNEL_LINK_LOCAL;
      addresses.push({
        ...this.#address(eui64Address("fe80::" as Ipv6Address, macAddress), 64),
        scope: SCOPE_LINK,
        protocol,
      });
    }
    return [link, ...addresses, ...this.#routes()];
  }

  #typeOf({ kind, macvlanMode }: ObservedLink): LinkType | undefined {
    switch (kind) {
      case "bridge":
      case "dummy":
        return { type: kind };
      case "tun":
        return { type: "tap" };
      case "macvlan":
      case "macvtap":
        return { type: kind, parentKey: this.#key, mode: macvlanMode ?? "bridge" };
      default:
        return undefined;
    }
  }

  #adopted({ index }: ObservedLink, name: string): LinkObject {
    const { namespace } = this.#place;
    const link: LinkType = { type: "adopted", adoptedIndex: index };
    return { kind: "link", key: this.#key, origin: this.#key, namespace, name, link };
  }

  /** The port of our bridge that is not ours, or what our macvtap stands on; a masqueraded pod's is as it was. */
  #podLink(): ObservedLink | undefined {
    const ours = [...this.#links.values()];
    const bridge = this.#links.get(`${this.#key} bridge`);
    const parent = ours.find(({ kind }) => kind === "macvtap")?.linkIndex;
    return this.#observed.links.find(
      (link) =>
        !ours.includes(link) && (link.index === parent || (bridge !== undefined && link.masterIndex === bridge.index)),
    );
  }

  #standIn(): ObservedLink | undefined {
    return this.#links.get(`${this.#key} stand-in`);
  }

  #macAddress(): MacAddress | undefined {
    const macvtap = [...this.#links.values()].find(({ kind }) => kind === "macvtap");
    const served = this.#services.find((service) => service.kind === "dhcp-single" || service.kind === "ip6-single");
    return this.#standIn()?.macAddress ?? macvtap?.macAddress ?? served?.clientMac;
  }

  #address(address: IpAddress, prefixLength: number): AddressObject {
    const key = `${this.#key} address ${address}/${prefixLength}`;
    const { namespace } = this.#place;
    return { kind: "address", key, origin: this.#key, namespace, linkKey: this.#key, address, prefixLength };
  }

  #addresses(): AddressObject[] {
    const found = new Map<string, AddressObject>();
    const add = (address: IpAddress, prefixLength: number): void => {
      const object = this.#address(address, prefixLength);
      found.set(object.key, object);
    };
    const standIn = this.#standIn();
    for (const { linkIndex, address, prefixLength, scope } of this.#observed.addresses)
      if (linkIndex === standIn?.index && scope !== SCOPE_LINK) add(address, prefixLength);
    for (const service of found.size > 0 ? [] : this.#services) {
      if (service.kind === "dhcp-single") add(service.lease.address, service.lease.prefixLength);
      if (service.kind === "ip6-single")
        for (const address of service.lease.addresses) add(address, service.lease.prefixes[0]?.prefix.length ?? 128);
    }
    return [...found.values()];
  }

  /** Of IPv4, as the guest is told them. */
  #routes(): StateObject[] {
    const served = this.#services.find((service) => service.kind === "dhcp-single");
    // The way to our server is the guest's alone.
    const routes = (served?.lease.routes ?? []).filter(
      ({ destination }) => destination.address !== served?.serverAddress,
    );
    return routes.map(({ destination, gateway }) => {
      const hop: NextHop = gateway === "0.0.0.0" ? { linkKey: this.#key } : { linkKey: this.#key, gateway };
      return {
        kind: "route",
        key: `${this.#key} route ${destination.address}/${destination.length}/${TABLE_MAIN}/0/0`,
        origin: this.#key,
        namespace: this.#place.namespace,
        destination,
        nextHops: [hop],
        table: TABLE_MAIN,
        protocol: PROTOCOL_BOOT,
        ...(gateway === "0.0.0.0" ? { scope: SCOPE_LINK } : {}),
      };
    });
  }
}

function tableNames(interfaceName: string): string[] {
  return ["bind", "masquerade"].map((what) => tableName(what, interfaceName));
}
