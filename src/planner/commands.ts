/** The commands that do what a step does, for a person who would do it by hand. */
import { networkOf } from "../base/address.ts";
import { markOf } from "../state/mark.ts";
import { isService, type KernelObject, type StateObject } from "../state/object.ts";
import type { AddressObject, FileObject, LinkObject, NextHop, RouteObject } from "../state/object/kernel.ts";
import { differInPrefixRoute } from "../state/prefix-route.ts";
import { fingerprint } from "./fingerprint.ts";
import { GENERATION_MODES, routeType } from "./ip-words.ts";
import { commandIn, destinationOf, ipIn, type LinkByKey, linkName, type Names } from "./names.ts";

export function commandsFor(before: StateObject | undefined, after: StateObject | undefined, names: Names): string[] {
  if (after === undefined) return before === undefined || isService(before) ? [] : deletion(before, names.before);
  if (isService(after)) return [];
  if (after.kind === "link") {
    return before?.kind === "link" ? linkChange(before, after, names) : linkCreation(after, names.after);
  }
  if (after.kind === "address" && before?.kind === "address" && differInPrefixRoute(before, after))
    return [prefixRouteCommand(after, names.after)];
  return setting(after, before !== undefined, names.after);
}

function setting(object: KernelObject, replace: boolean, links: LinkByKey): string[] {
  switch (object.kind) {
    case "namespace":
      return [...(replace ? [] : [`ip netns add ${object.name}`]), `ip -n ${object.name} link set lo up`];
    case "link":
      return [];
    case "address":
      return addressCommands(object, replace ? "replace" : "add", links);
    case "route":
      return [
        `${ipIn(object.namespace)} ${ipFamily(object)}route ${replace ? "replace" : "add"} ${routeArguments(object, links)}`,
      ];
    case "neighbour":
      return [
        `${ipIn(object.namespace)} neighbour replace ${object.address} lladdr ${object.macAddress} dev ${linkName(links, object.linkKey)} nud permanent`,
      ];
    case "sysctl":
      return [commandIn(object.namespace, `sysctl -w ${sysctlName(object.path)}=${quote(object.value)}`)];
    case "nft-table":
      return [
        `${commandIn(object.namespace, "nft -f -")} <<'END'`,
        ...(replace ? [`table ${object.family} ${object.name}`, `delete table ${object.family} ${object.name}`] : []),
        `table ${object.family} ${object.name} {`,
        `  comment "${markOf(fingerprint(object.rules))}"`,
        ...object.rules.split("\n").flatMap((line) => (line.trim() === "" ? [] : `  ${line}`)),
        "}",
        "END",
      ];
    case "foreign-accept":
      return [acceptCommand(object, "-I")];
    case "file":
      return fileCommands(object);
  }
}

function deletion(object: KernelObject, links: LinkByKey): string[] {
  switch (object.kind) {
    case "namespace":
      return [`ip netns delete ${object.name}`];
    case "link":
      return [`${ipIn(object.namespace)} link delete ${object.name}`];
    case "address":
      return [`${ipIn(object.namespace)} address delete ${addressWord(object)} dev ${linkName(links, object.linkKey)}`];
    case "route":
      return [`${ipIn(object.namespace)} ${ipFamily(object)}route delete ${routeArguments(object, links)}`];
    case "neighbour":
      return [`${ipIn(object.namespace)} neighbour delete ${object.address} dev ${linkName(links, object.linkKey)}`];
    case "nft-table":
      return [commandIn(object.namespace, `nft delete table ${object.family} ${object.name}`)];
    case "foreign-accept":
      return [acceptCommand(object, "-D")];
    case "file":
      return [`rm ${quote(object.path)}`];
    case "sysctl":
      return [];
  }
}

function linkCreation(object: LinkObject, links: LinkByKey): string[] {
  const ip = ipIn(object.namespace);
  const set = linkSettings(object, links);
  const { link } = object;
  switch (link.type) {
    case "bridge": {
      const options = [
        ...(link.forwardDelayCentiseconds === undefined ? [] : [`forward_delay ${link.forwardDelayCentiseconds}`]),
        ...(link.stp === undefined ? [] : [`stp_state ${link.stp ? 1 : 0}`]),
      ];
      return [[`${ip} link add ${object.name} type bridge`, ...options].join(" "), ...set];
    }
    case "veth": {
      const peer = links(link.peerKey);
      const place =
        peer === undefined || peer.namespace === object.namespace
          ? ""
          : ` netns ${peer.namespace === "" ? "1" : peer.namespace}`;
      return [`${ip} link add ${object.name} type veth peer name ${peer?.name ?? link.peerKey}${place}`, ...set];
    }
    case "tap": {
      const options = [
        ...(link.ownerUid === undefined ? [] : [`user ${link.ownerUid}`]),
        ...(link.groupGid === undefined ? [] : [`group ${link.groupGid}`]),
        ...(link.queues !== undefined && link.queues > 1 ? ["multi_queue"] : []),
      ];
      return [[`${ip} tuntap add ${object.name} mode tap`, ...options].join(" "), ...set];
    }
    case "dummy":
      return [`${ip} link add ${object.name} type dummy`, ...set];
    case "macvlan":
    case "macvtap":
      return [
        `${ip} link add ${object.name} link ${linkName(links, link.parentKey)} type ${link.type} mode ${link.mode}`,
        ...set,
      ];
    case "veth-peer":
    case "adopted":
      return set;
  }
}

/** Everything but the way up in one command, as `ip link set` takes them. */
function linkSettings(object: LinkObject, links: LinkByKey): string[] {
  const ip = ipIn(object.namespace);
  const settings = [
    ...(object.link.type === "adopted" ? [] : [`alias ${quote(markOf(object.key))}`]),
    ...(object.macAddress === undefined ? [] : [`address ${object.macAddress}`]),
    ...(object.mtuBytes === undefined ? [] : [`mtu ${object.mtuBytes}`]),
    ...(object.ipv6AddressGeneration === undefined
      ? []
      : [`addrgenmode ${generationMode(object.ipv6AddressGeneration)}`]),
    ...(typeof object.masterKey === "string" ? [`master ${linkName(links, object.masterKey)}`] : []),
  ];
  return [
    ...(settings.length === 0 ? [] : [`${ip} link set ${object.name} ${settings.join(" ")}`]),
    ...(object.allMulticast === undefined
      ? []
      : [`${ip} link set ${object.name} allmulticast ${object.allMulticast ? "on" : "off"}`]),
    ...(object.learning === undefined
      ? []
      : [`${ip} link set ${object.name} type bridge_slave learning ${object.learning ? "on" : "off"}`]),
    ...(object.up === true ? [`${ip} link set ${object.name} up`] : []),
  ];
}

function linkChange(before: LinkObject, after: LinkObject, names: Names): string[] {
  const ip = ipIn(after.namespace);
  const renamed = before.name !== after.name;
  const mac = after.macAddress !== undefined && after.macAddress !== before.macAddress;
  const bounce = before.up !== false && (renamed || (mac && after.link.type === "adopted"));
  const commands: string[] = [];
  if (bounce) commands.push(`${ip} link set ${before.name} down`);
  if (after.masterKey === null && typeof before.masterKey === "string")
    commands.push(`${ip} link set ${before.name} nomaster`);
  if (renamed) commands.push(`${ip} link set ${before.name} name ${after.name}`);
  const settings = [
    ...(mac ? [`address ${after.macAddress}`] : []),
    ...(after.mtuBytes !== undefined && after.mtuBytes !== before.mtuBytes ? [`mtu ${after.mtuBytes}`] : []),
    ...(after.ipv6AddressGeneration !== undefined && after.ipv6AddressGeneration !== before.ipv6AddressGeneration
      ? [`addrgenmode ${generationMode(after.ipv6AddressGeneration)}`]
      : []),
    ...(typeof after.masterKey === "string" && after.masterKey !== before.masterKey
      ? [`master ${linkName(names.after, after.masterKey)}`]
      : []),
  ];
  if (settings.length > 0) commands.push(`${ip} link set ${after.name} ${settings.join(" ")}`);
  if (after.learning !== undefined && after.learning !== before.learning) {
    commands.push(`${ip} link set ${after.name} type bridge_slave learning ${after.learning ? "on" : "off"}`);
  }
  if (after.allMulticast !== undefined && after.allMulticast !== before.allMulticast)
    commands.push(`${ip} link set ${after.name} allmulticast ${after.allMulticast ? "on" : "off"}`);
  commands.push(...bridgeChange(before, after, ip));
  const up = after.up ?? before.up;
  if (up === true && (bounce || before.up === false)) commands.push(`${ip} link set ${after.name} up`);
  if (after.up === false && before.up !== false && !bounce) commands.push(`${ip} link set ${after.name} down`);
  return commands.length === 0 ? [`${ip} link set ${after.name} alias ${quote(markOf(after.key))}`] : commands;
}

function bridgeChange(before: LinkObject, after: LinkObject, ip: string): string[] {
  if (before.link.type !== "bridge" || after.link.type !== "bridge") return [];
  const { stp, forwardDelayCentiseconds } = after.link;
  const options = [
    ...(forwardDelayCentiseconds !== undefined && forwardDelayCentiseconds !== before.link.forwardDelayCentiseconds
      ? [`forward_delay ${forwardDelayCentiseconds}`]
      : []),
    ...(stp !== undefined && stp !== before.link.stp ? [`stp_state ${stp ? 1 : 0}`] : []),
  ];
  return options.length === 0 ? [] : [`${ip} link set ${after.name} type bridge ${options.join(" ")}`];
}

function generationMode(mode: number): string {
  return GENERATION_MODES[mode] ?? String(mode);
}

function addressWord(object: AddressObject): string {
  return object.peer === undefined
    ? `${object.address}/${object.prefixLength}`
    : `${object.address} peer ${object.peer}/${object.prefixLength}`;
}

/** IFA_F_* that `ip address` takes as words (linux/if_addr.h). */
const ADDRESS_FLAGS: readonly (readonly [number, string])[] = [
  [0x02, "nodad"],
  [0x10, "home"],
  [0x100, "mngtmpaddr"],
  [0x200, "noprefixroute"],
  [0x400, "autojoin"],
];

function addressCommands(object: AddressObject, verb: string, links: LinkByKey): string[] {
  const device = linkName(links, object.linkKey);
  const words = [
    `${ipIn(object.namespace)} address ${verb} ${addressWord(object)}`,
    ...(object.broadcast === undefined ? [] : [`broadcast ${object.broadcast}`]),
    `dev ${device}`,
    ...(object.label === undefined || object.label === device ? [] : [`label ${object.label}`]),
    ...(object.scope === undefined || object.scope === 0 ? [] : [`scope ${object.scope}`]),
    ...(object.metric === undefined ? [] : [`metric ${object.metric}`]),
    ...(object.validSeconds === undefined ? [] : [`valid_lft ${object.validSeconds}`]),
    ...(object.preferredSeconds === undefined ? [] : [`preferred_lft ${object.preferredSeconds}`]),
    ...ADDRESS_FLAGS.filter(([bit]) => ((object.flags ?? 0) & bit) !== 0).map(([, word]) => word),
  ];
  return [words.join(" ")];
}

function prefixRouteCommand(object: AddressObject, links: LinkByKey): string {
  const { address, length } = networkOf({ address: object.peer ?? object.address, length: object.prefixLength });
  const source = address.includes(":") ? `metric ${object.metric ?? 256}` : `scope link src ${object.address}`;
  const verb = object.prefixRoute === false ? "delete" : "replace";
  return `${ipIn(object.namespace)} route ${verb} ${address}/${length} dev ${linkName(links, object.linkKey)} proto kernel ${source}`;
}

function ipFamily(object: RouteObject): string {
  return object.destination.address.includes(":") ? "-6 " : "";
}

function routeArguments(object: RouteObject, links: LinkByKey): string {
  const type = routeType(object);
  const [only, ...others] = object.nextHops;
  const hops =
    only === undefined
      ? []
      : others.length === 0
        ? hopArguments(only, object, links)
        : object.nextHops.flatMap((hop) => [
            "nexthop",
            ...hopArguments(hop, object, links),
            `weight ${hop.weight ?? 1}`,
          ]);
  return [
    ...(type === undefined ? [] : [type]),
    destinationOf(object),
    ...(object.tos === undefined || object.tos === 0 ? [] : [`tos ${object.tos}`]),
    ...(object.table === undefined || object.table === 254 ? [] : [`table ${object.table}`]),
    ...(object.protocol === undefined ? [] : [`proto ${object.protocol}`]),
    ...(object.scope === undefined ? [] : [`scope ${object.scope}`]),
    ...(object.source === undefined ? [] : [`src ${object.source}`]),
    ...(object.metric === undefined ? [] : [`metric ${object.metric}`]),
    ...(object.mtuBytes === undefined ? [] : [`mtu ${object.mtuBytes}`]),
    ...hops,
  ].join(" ");
}

function hopArguments(hop: NextHop, route: RouteObject, links: LinkByKey): string[] {
  const otherFamily = hop.gateway?.includes(":") === true && !route.destination.address.includes(":");
  const family = otherFamily ? "inet6 " : "";
  return [
    ...(hop.gateway === undefined ? [] : [`via ${family}${hop.gateway}`]),
    ...(hop.linkKey === undefined ? [] : [`dev ${linkName(links, hop.linkKey)}`]),
    ...(hop.onlink === true ? ["onlink"] : []),
  ];
}

/** sysctl's own form: slashes become dots, dots in a device's name become slashes. */
function sysctlName(path: string): string {
  return path.replace(/[./]/g, (character) => (character === "/" ? "." : "/"));
}

function acceptCommand(object: StateObject & { kind: "foreign-accept" }, verb: "-I" | "-D"): string {
  const words = [
    `${object.family === 6 ? "ip6tables" : "iptables"}-${object.backend} ${verb} ${object.chain}`,
    ...(object.inInterface === undefined ? [] : [`-i ${object.inInterface}`]),
    ...(object.outInterface === undefined ? [] : [`-o ${object.outInterface}`]),
    ...(object.establishedOnly === true ? ["-m conntrack --ctstate RELATED,ESTABLISHED"] : []),
    `-m comment --comment ${quote(markOf(object.key))} -j ACCEPT`,
  ];
  return commandIn(object.namespace, words.join(" "));
}

function fileCommands(object: FileObject): string[] {
  const folder = object.path.slice(0, object.path.lastIndexOf("/"));
  return [
    `mkdir -p ${quote(folder)}`,
    `cat > ${quote(object.path)} <<'END'`,
    ...object.content.replace(/\n$/, "").split("\n"),
    "END",
    `chmod ${object.mode.toString(8)} ${quote(object.path)}`,
  ];
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
