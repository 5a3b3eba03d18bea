/**
 * A network's DHCP server: what its section of the file says, and the machines of the file, each known by its MAC
 * address. Without a section those machines alone are served that ask for it (`dhcp: network`), and nobody else.
 */
import { contains, type IpAddress, type Ipv4Address } from "../base/address.ts";
import { toHex } from "../base/bytes.ts";
import type {
  DhcpHost,
  DhcpSubnet,
  DnsSettings,
  Machine,
  Network,
  NetworkDhcp,
  PodNic,
  TapNic,
  VmMachine,
} from "../model/model.ts";
import { leaseOptions, type OfferedLease } from "../protocol/dhcp4/lease-options.ts";
import { isOfSubnet } from "../protocol/dhcp4/server/layout.ts";
import type { DhcpFurtherSubnet, DhcpKnownHost, DhcpTold, NetworkDhcpObject } from "../state/object/network-dhcp.ts";
import { DHCP4_OPTION } from "../wire/dhcp4/option-table.ts";
import type { Facts } from "./facts.ts";
import type { Layout, NetworkLayout } from "./layout.ts";
import { bootClassesOf, withBootOptions, withIpxeTold } from "./network-boot.ts";
import { networkLinkKey } from "./networks.ts";
import { resolverOf } from "./resolver.ts";
import { LEASE_SECONDS, leaseOf } from "./taps.ts";

type Options = DhcpTold["options"];

const { subnetMask, broadcastAddress, renewalTime, rebindingTime, hostName } = DHCP4_OPTION;
/** The server answers these itself, by the subnet, the lease and the host's name. */
const BY_SERVER: ReadonlySet<number> = new Set(
  [subnetMask, broadcastAddress, renewalTime, rebindingTime].map(({ code }) => code),
);
/** What a machine is told about names. */
const NAMES: ReadonlySet<number> = new Set(
  [DHCP4_OPTION.nameServers, DHCP4_OPTION.domainName, DHCP4_OPTION.domainSearch].map(({ code }) => code),
);
const ROUTERS = DHCP4_OPTION.routers.code;
const NAME_SERVERS = DHCP4_OPTION.nameServers.code;
const MTU = DHCP4_OPTION.interfaceMtu.code;
/** One label of a domain name. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

/** @param file its name, before that of a network; absent where networks are named FILE/NETWORK */
export function compileNetworkDhcp(
  machines: readonly Machine[],
  layout: Layout,
  facts: Facts,
  file?: string,
): readonly NetworkDhcpObject[] {
  return [...layout.networks.values()].flatMap((place): NetworkDhcpObject[] => {
    const { network, mtuBytes } = place;
    const { dhcp } = network;
    if (dhcp === undefined && !isAskedFor(network.name, machines)) return [];
    const boots = network.boot !== undefined;
    const tell = <T extends DhcpTold & { readonly user?: string }>(told: T): T =>
      withIpxeTold(boots ? withBootOptions(told, network) : told, network, facts);
    const options = networkOptions(place, layout, facts);
    const section = dhcp === undefined ? ONLY_MACHINES : sectionOf(dhcp);
    const further = furtherSubnets(place).map((each) => withIpxeTold(each, network, facts));
    const known = machines.flatMap((machine) => hostsOf(machine, place, options, further, layout, facts));
    return [
      {
        kind: "dhcp-network",
        key: `dhcp/${network.name}`,
        origin: `network ${network.name}`,
        namespace: network.namespace,
        linkKey: networkLinkKey(network.name),
        interfaceName: network.device,
        network: file === undefined ? network.name : `${file}/${network.name}`,
        serverAddress: network.gateway,
        prefixLength: network.subnet.length,
        mtuBytes,
        ...withIpxeTold(section, network, facts),
        classes: [...section.classes.map(tell), ...bootClassesOf(network, facts)],
        ...(network.dnsServer?.namesLeases === true ? { updatesNames: true as const } : {}),
        options,
        hosts: [...known, ...(dhcp?.hosts ?? []).map(hostOf).map(tell)],
        ...(further.length === 0 ? {} : { furtherSubnets: further }),
      },
    ];
  });
}

type Section = Pick<
  NetworkDhcpObject,
  | "ranges"
  | "leaseSeconds"
  | "authoritative"
  | "rapidCommit"
  | "knownOnly"
  | "trustCircuit"
  | "limits"
  | "ignore"
  | "classes"
  | "nextServer"
  | "serverName"
  | "bootFile"
>;

const ONLY_MACHINES: Section = {
  ranges: [],
  leaseSeconds: { default: LEASE_SECONDS, minimum: LEASE_SECONDS, maximum: LEASE_SECONDS },
  authoritative: false,
  rapidCommit: false,
  knownOnly: true,
  ignore: [],
  classes: [],
};

function sectionOf(dhcp: NetworkDhcp): Section {
  const { ranges, leaseSeconds, authoritative, rapidCommit, knownOnly, trustCircuit, limits, ...more } = dhcp;
  const { ignoredMacPrefixes, classes, ...rest } = more;
  const { nextServer, serverName, bootFile } = rest;
  return {
    ranges,
    leaseSeconds,
    authoritative,
    rapidCommit,
    knownOnly,
    ...(trustCircuit ? { trustCircuit } : {}),
    ...(limits === undefined ? {} : { limits }),
    ignore: ignoredMacPrefixes,
    classes,
    ...(nextServer === undefined ? {} : { nextServer }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(bootFile === undefined ? {} : { bootFile }),
  };
}

function isAskedFor(network: string, machines: readonly Machine[]): boolean {
  return machines.some(
    (machine) => machine.kind === "vm" && machine.taps.some((nic) => nic.network === network && nic.dhcp === "network"),
  );
}

/** What everybody on the network is told; the section's own words come first. */
function networkOptions({ network, router, mtuBytes }: NetworkLayout, layout: Layout, facts: Facts): Options {
  const { servers, search } = resolverOf({ dns: {} }, { network: network.name }, layout, facts);
  const options = told({
    address: network.gateway,
    prefixLength: network.subnet.length,
    ...(router === undefined ? {} : { router: network.gateway }),
    routes: [],
    nameServers: servers.filter(isIpv4),
    searchDomains: search,
    ...(search[0] === undefined ? {} : { domainName: search[0] }),
    mtuBytes,
    leaseSeconds: LEASE_SECONDS,
  });
  for (const { code, hex } of network.dhcp?.options ?? []) options.set(code, hex);
  return Array.from(options, ([code, hex]) => ({ code, hex }));
}

/** Those on the bridge are told its gateway where a router leads out, relayed ones what the file says. */
function furtherSubnets({ network, router }: NetworkLayout): DhcpFurtherSubnet[] {
  const declared = network.dhcp?.further ?? [];
  const ownServer =
    network.dnsServer !== undefined && network.dhcp?.options.some(({ code }) => code === NAME_SERVERS) !== true;
  const onBridge = network.also.map(({ subnet, gateway }): DhcpFurtherSubnet => {
    const { ranges = [], ...said } = declared.find((each) => each.subnet === subnet) ?? { options: [] };
    // The nearest address of the network's own server, which no router need lead to.
    const nearest: Options = ownServer ? [{ code: NAME_SERVERS, hex: addressesHex([gateway]) }] : [];
    return { subnet, gateway, ranges, ...toldIn(said, router === undefined ? undefined : gateway, nearest) };
  });
  const relayed = declared.filter((each) => each.relayed);
  // The link behind the relay has an MTU of its own.
  const withheld = network.dhcp?.options.some(({ code }) => code === MTU) === true ? [] : [{ code: MTU, hex: "" }];
  return [
    ...onBridge,
    ...relayed.map(
      ({ subnet, ranges, ...said }): DhcpFurtherSubnet => ({
        subnet,
        ranges,
        ...toldIn(said, said.router, withheld),
        relayed: true,
      }),
    ),
  ];
}

function toldIn(
  { options: own, leaseSeconds, nextServer, serverName, bootFile }: Partial<DhcpSubnet> & Pick<DhcpSubnet, "options">,
  router: Ipv4Address | undefined,
  before: Options = [],
): DhcpTold & Pick<DhcpFurtherSubnet, "leaseSeconds"> {
  const options = new Map(before.map(({ code, hex }) => [code, hex]));
  if (router !== undefined) options.set(ROUTERS, addressesHex([router]));
  for (const { code, hex } of own) options.set(code, hex);
  return {
    options: Array.from(options, ([code, hex]) => ({ code, hex })),
    ...(leaseSeconds === undefined ? {} : { leaseSeconds }),
    ...(nextServer === undefined ? {} : { nextServer }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(bootFile === undefined ? {} : { bootFile }),
  };
}

function addressesHex(addresses: readonly Ipv4Address[]): string {
  return toHex(DHCP4_OPTION.routers.codec.encode(addresses));
}

/** What everybody with such an address is told: the network's options, in a further subnet without those of the first. */
function commonIn(address: Ipv4Address, options: Options, further: readonly DhcpFurtherSubnet[]): Options {
  const own = further.find(({ subnet }) => contains(subnet, address));
  if (own === undefined) return options;
  const all = new Map(options.filter(({ code }) => !isOfSubnet(code)).map(({ code, hex }) => [code, hex]));
  for (const { code, hex } of own.options) all.set(code, hex);
  return Array.from(all, ([code, hex]) => ({ code, hex })).filter(({ hex }) => hex !== "");
}

/** The machine's NICs on the network that have an address there; without a section only those that ask to be served. */
function hostsOf(
  machine: Machine,
  { network }: NetworkLayout,
  options: Options,
  further: readonly DhcpFurtherSubnet[],
  layout: Layout,
  facts: Facts,
): DhcpKnownHost[] {
  const nics: readonly (PodNic | TapNic)[] = machine.kind === "namespace" ? machine.nics : machine.taps;
  const label = LABEL.test(machine.name) ? { name: machine.name } : {};
  return nics.flatMap((nic): DhcpKnownHost[] => {
    const { address } = nic;
    if (nic.network !== network.name || address === undefined) return [];
    const host = { mac: nic.macAddress, address, ...label };
    if (machine.kind === "vm" && "dhcp" in nic && nic.dhcp === "network") {
      const lease = leaseOf(machine, nic, layout, facts);
      const common = commonIn(address, options, further);
      return lease === undefined ? [] : [{ ...host, options: guestOptions(lease, machine, nic, network, common) }];
    }
    return network.dhcp === undefined ? [] : [{ ...host, options: [] }];
  });
}

/** In what a guest is told something else than everybody on the network. */
function guestOptions(lease: OfferedLease, vm: VmMachine, nic: TapNic, network: Network, common: Options): Options {
  // The default route by option 3 alone, as everybody has it.
  const own = told({ ...lease, routes: [] });
  if (LABEL.test(vm.name)) own.delete(hostName.code);
  const bySection = new Set(network.dhcp?.options.map(({ code }) => code));
  const isGuests = (code: number): boolean =>
    nic.options.some((option) => option.code === code) || (NAMES.has(code) && hasOwnNames(vm.dns));
  const shared = new Map(common.map(({ code, hex }) => [code, hex]));
  const kept = Array.from(own, ([code, hex]) => ({ code, hex })).filter(
    ({ code, hex }) => shared.get(code) !== hex && (isGuests(code) || !bySection.has(code)),
  );
  const withheld = [ROUTERS, ...NAMES].filter(
    (code) => shared.has(code) && !own.has(code) && (code === ROUTERS || isGuests(code) || !bySection.has(code)),
  );
  return [...kept, ...withheld.map((code) => ({ code, hex: "" }))].sort((a, b) => a.code - b.code);
}

function hasOwnNames({ servers, search }: DnsSettings): boolean {
  return servers !== undefined || search !== undefined;
}

/** By code, in hexadecimal. */
function told(lease: OfferedLease): Map<number, string> {
  const options = [...leaseOptions(lease)].filter(([code]) => !BY_SERVER.has(code));
  return new Map(options.map(([code, bytes]) => [code, toHex(bytes)]));
}

function hostOf({ macAddress, ...host }: DhcpHost): DhcpKnownHost {
  return { ...(macAddress === undefined ? {} : { mac: macAddress }), ...host };
}

function isIpv4(address: IpAddress): address is Ipv4Address {
  return !address.includes(":");
}
