/** What can be wrong between a good file and this host. All problems are told at once, before anything is touched. */
import { familyOf, formatPrefix, overlaps, type Prefix } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { formatMistake, formatPath, type Mistake, type Path } from "../model/mistakes.ts";
import { BOOT_FILE_KEYS } from "../model/network-boot.ts";
import type { Model, Uplink } from "../model/model.ts";
import { type Facts, factsOf, type PlaceFacts } from "./facts.ts";
import { SMALLEST_IPV6_MTU_BYTES } from "../wire/ipv6.ts";
import type { Layout } from "./layout.ts";
import { bootFilesOf, ownBootFiles } from "./network-boot.ts";
import { requiredFiles } from "./required-files.ts";
import { asksDhcp6 } from "./uplinks.ts";

/** The file is good and this host is not fit for it. Code `cannot-plan`. */
export class PlanningError extends NetloomError {
  readonly problems: readonly Mistake[];

  constructor(file: string, problems: readonly Mistake[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super("cannot-plan", `plan ${file}: ${count} on this host\n${problems.map(formatMistake).join("\n")}`);
    this.name = "PlanningError";
    this.problems = problems;
  }
}

/** A VPN's pair of routes that stands for the default route (0.0.0.0/1, 128.0.0.0/1) is in nobody's way. */
const LONGEST_DEFAULT_ROUTE = 1;

const CHECK_PATH = "check the path; a relative one starts at the network file's folder";

/** @throws PlanningError */
export function checkAgainstHost(model: Model, layout: Layout, facts: Facts): void {
  const problems: Mistake[] = [];
  const tell = (path: Path, value: string, reason: string, remedy: string): void => {
    const key = formatPath(path);
    const origin = model.origins[key];
    const { line, column } = origin ?? { line: 1, column: 1 };
    problems.push({ file: model.file, line, column, path: key, value: JSON.stringify(value), reason, remedy });
  };
  for (const uplink of model.uplinks) {
    const path = ["uplinks", uplink.name, "device"];
    const link = facts.links[uplink.device];
    if (link === undefined) tell(path, uplink.device, "there is no such device on this host", existingDevices(facts));
    else if (uplink.address !== "keep" || uplink.address6 !== "keep" || asksDhcp6(uplink)) {
      if (link.master !== undefined)
        tell(
          path,
          uplink.device,
          `is a port of ${link.master}`,
          `use ${link.master}: the host's address belongs there`,
        );
      const other = facts.uplinks?.[uplink.device]?.otherClient;
      if (other !== undefined)
        tell(
          ["uplinks", uplink.name, "address"],
          model.origins[`uplinks.${uplink.name}.address`]?.value ?? uplink.address,
          `${other} gets an address for ${uplink.device} already`,
          "end it there, or write address: keep and leave the device to it",
        );
      const other6 = facts.uplinks?.[uplink.device]?.otherClient6;
      if (asksDhcp6(uplink) && other6 !== undefined)
        tell(
          ["uplinks", uplink.name, uplink.address6 === "dhcp" ? "address6" : "prefix6"],
          uplink.address6 === "dhcp" ? "dhcp" : String(uplink.prefix6Length),
          `${other6} asks DHCPv6 servers on ${uplink.device} already`,
          "end it there, or remove this and leave the device to it",
        );
      const ipv6 = ipv6Of(uplink);
      if (ipv6 !== undefined) {
        const place = ["uplinks", uplink.name, ipv6.key];
        const { value } = ipv6;
        if (!facts.features.ipv6) tell(place, value, "this kernel has no IPv6", "remove it");
        else if (link.mtuBytes < SMALLEST_IPV6_MTU_BYTES)
          tell(
            place,
            value,
            `IPv6 needs an MTU of ${SMALLEST_IPV6_MTU_BYTES} bytes, ${uplink.device} has ${link.mtuBytes}`,
            `give it a larger one: ip link set ${uplink.device} mtu 1500`,
          );
      }
    }
  }
  for (const network of model.networks) {
    const subnets: readonly (readonly [path: Path, subnet: Prefix | undefined])[] = [
      [["subnet"], network.subnet],
      ...network.also.map(({ subnet }, index) => [["also", index, "subnet"], subnet] as const),
      [["subnet6"], network.subnet6],
    ];
    for (const [path, subnet] of subnets) {
      const obstacle = subnet === undefined ? undefined : overlapping(subnet, factsOf(network.namespace, facts));
      if (subnet === undefined || obstacle === undefined) continue;
      const where = network.namespace === "" ? "this host" : `the namespace ${network.namespace}`;
      tell(
        ["networks", network.name, ...path],
        formatPrefix(subnet),
        `overlaps ${obstacle}`,
        `give the network a subnet that ${where} does not use`,
      );
    }
    const from = network.ipv6?.delegate?.from;
    const holder = from === undefined ? undefined : addressWithin(from, factsOf(network.namespace, facts));
    if (from !== undefined && holder !== undefined)
      tell(
        ["networks", network.name, "ipv6", "prefixes", "from"],
        formatPrefix(from),
        `overlaps ${holder}`,
        "use a prefix of which nothing is in use here",
      );
    network.ports.forEach((device, index) => {
      const place = factsOf(network.namespace, facts);
      const fault = portFault(device, place);
      if (fault !== undefined) tell(["networks", network.name, "ports", index], device, fault, existingDevices(place));
    });
  }
  for (const place of layout.networks.values()) {
    const { network, ipv6, mtuBytes } = place;
    if (network.subnet6 === undefined || ipv6) continue;
    const path = ["networks", network.name, "subnet6"];
    const value = formatPrefix(network.subnet6);
    if (!facts.features.ipv6) tell(path, value, "this kernel has no IPv6", "remove subnet6");
    else tell(path, value, `IPv6 needs an MTU of 1280 bytes, this network has ${mtuBytes}`, "give it a larger mtu");
  }
  for (const network of model.networks) {
    const { name, boot } = network;
    const folder = facts.bootFolders?.[name];
    if (boot === undefined || folder === undefined) continue;
    const path = ["networks", name, "boot"];
    if (folder.fault !== undefined) tell([...path, "root"], boot.root, folder.fault, CHECK_PATH);
    for (const key of BOOT_FILE_KEYS) {
      const file = boot[key];
      if (file !== undefined && folder.fault === undefined && folder.missing.includes(file))
        tell([...path, key], file, `there is no such file in ${boot.root}, or it cannot be read`, "put it there");
    }
    for (const { path: at, file } of folder.fault === undefined ? ownBootFiles(network) : [])
      if (folder.missing.includes(file))
        tell(
          at,
          file,
          `there is no such file in ${boot.root}, or it cannot be read`,
          "put it there, or add next-server:",
        );
    if (folder.fault === undefined && Object.keys(bootFilesOf(boot, folder)).length === 0)
      tell(
        [...path, "root"],
        boot.root,
        "has nothing in it that netloom knows as bootable",
        "name it: bios:, uefi:, ipxe:",
      );
  }
  const missing = new Set(facts.missingFiles);
  for (const file of requiredFiles(model)) {
    if (!missing.has(file.path)) continue;
    tell(["machines", file.machine, file.key], file.path, "there is no such file, or it cannot be read", CHECK_PATH);
  }
  if (problems.length > 0) throw new PlanningError(model.file, problems);
}

/** What becoming a port costs an interface, and what it costs the network. */
export function portNotes(layout: Layout, facts: Facts): readonly string[] {
  return [...layout.networks.values()].flatMap(({ network: { name, namespace, ports }, mtuBytes }) =>
    ports.flatMap((device) => {
      const link = factsOf(namespace, facts).links[device];
      if (link === undefined) return [];
      const addresses = link.addresses.filter(({ address }) => !address.startsWith("fe80:")).map(formatPrefix);
      return [
        ...(addresses.length === 0
          ? []
          : [
              `${device} becomes a port of ${name}: its own ${addresses.join(", ")} stays on it and is not reached through it until the network is destroyed`,
            ]),
        ...(link.mtuBytes < mtuBytes
          ? [`${device} has MTU ${link.mtuBytes}, its network ${name} ${mtuBytes}: larger frames do not pass it`]
          : []),
      ];
    }),
  );
}

/** What of the namespace lies in the network's range; undefined: nothing. */
function overlapping(subnet: Prefix, facts: PlaceFacts): string | undefined {
  const isOurs = (device: string | undefined): boolean => device !== undefined && facts.links[device]?.ours === true;
  const address = addressWithin(subnet, facts);
  if (address !== undefined) return address;
  const route = facts.routes.find(
    ({ destination, device }) =>
      destination.length > LONGEST_DEFAULT_ROUTE && !isOurs(device) && overlaps(destination, subnet),
  );
  if (route === undefined) return undefined;
  return `the host's route to ${formatPrefix(route.destination)}${route.device === undefined ? "" : ` through ${route.device}`}`;
}

/** An address of somebody else's link whose subnet meets this one; undefined: there is none. */
function addressWithin(subnet: Prefix, facts: PlaceFacts): string | undefined {
  for (const [device, link] of Object.entries(facts.links)) {
    const address = link.addresses.find((candidate) => overlaps(candidate, subnet));
    if (address !== undefined && !link.ours) return `the address ${formatPrefix(address)} of ${device}`;
  }
  return undefined;
}

/** Why an interface cannot become a port of the network's bridge; undefined: it can. */
function portFault(device: string, facts: PlaceFacts): string | undefined {
  const link = facts.links[device];
  if (link === undefined) return "there is no such device on this host";
  if (link.unfitPort !== undefined) return `${link.unfitPort} and cannot be a port of a bridge`;
  if (link.marked) return "belongs to netloom already: only interfaces that others made become ports";
  const { master } = link;
  return master === undefined || facts.links[master]?.ours === true ? undefined : `is a port of ${master} already`;
}

function existingDevices(facts: PlaceFacts): string {
  const names = Object.entries(facts.links).flatMap(([name, link]) => (link.ours || name === "lo" ? [] : [name]));
  return names.length === 0 ? "this host has no device but lo" : `use one of: ${names.slice(0, 12).join(", ")}`;
}

/** The first thing that asks for IPv6 on the uplink. */
function ipv6Of({
  addresses,
  address6,
  prefix6Length,
}: Uplink): { readonly key: string; readonly value: string } | undefined {
  const own = addresses.find(({ address }) => familyOf(address) === 6);
  if (own !== undefined) return { key: "address", value: formatPrefix(own) };
  if (address6 !== "keep") return { key: "address6", value: address6 };
  return prefix6Length === undefined ? undefined : { key: "prefix6", value: String(prefix6Length) };
}
