/**
 * Routers: forwarding by interface, one nft table for each family, and a way through forward chains of others that
 * drop.
 *
 * net.ipv4.ip_forward is never touched: it would make a router between all other interfaces of the host, too. For
 * IPv6 kernels before 6.17 have nothing else than such a switch; there the interfaces of others are kept apart by a
 * rule, and go on heeding router advertisements, which a host that forwards does only with accept_ra 2.
 */
import { type Family, familyOf } from "../base/address.ts";
import type { Model, Uplink } from "../model/model.ts";
import type { StateObject } from "../state/object.ts";
import type { NftTableObject, SysctlObject } from "../state/object/kernel.ts";
import type { Facts } from "./facts.ts";
import { compileForeignAccepts } from "./foreign-accepts.ts";
import { hasIpv6, type Layout } from "./layout.ts";
import { routerRules } from "./router-rules.ts";
import { tableName } from "../state/table-name.ts";

export function compileRouters(model: Model, layout: Layout, facts: Facts): readonly StateObject[] {
  const ways6 = uplinksOf(model, layout, 6);
  const switched = ways6.length > 0 && !facts.features.forwardsByInterface;
  return [
    ...uplinksOf(model, layout, 4).map((uplink) => forwarding(uplink, "net/ipv4/conf/*/forwarding")),
    ...(facts.features.forwardsByInterface
      ? ways6.map((uplink) => forwarding(uplink, "net/ipv6/conf/*/force_forwarding"))
      : []),
    ...(switched ? forwardEverywhere(model, facts) : []),
    ...compileTable(model, routerRules(model, layout, 4), 4),
    ...compileTable(model, routerRules(model, layout, 6, switched ? keptApart(facts) : []), 6),
    ...compileForeignAccepts(model, layout, facts),
  ];
}

/** Uplinks that a router leads to, of networks that have the family. */
function uplinksOf(model: Model, layout: Layout, family: Family): readonly Uplink[] {
  const used = new Set(
    [...layout.networks.values()].filter((place) => family === 4 || hasIpv6(place)).map(({ uplink }) => uplink?.name),
  );
  return model.uplinks.filter(({ name }) => used.has(name));
}

function forwarding(uplink: Uplink, pattern: string): SysctlObject {
  return parameter(pattern.replace("*", uplink.device), "1", `uplink ${uplink.name}`);
}

function parameter(path: string, value: string, origin: string): SysctlObject {
  return { kind: "sysctl", key: `sysctl/${path}`, origin, namespace: "", path, value };
}

/** accept_ra comes first: turning forwarding on makes the kernel forget the routes of those that have it not. */
function forwardEverywhere({ uplinks }: Model, facts: Facts): readonly SysctlObject[] {
  const told = new Set(uplinks.flatMap(({ device, address6 }) => (address6 === "keep" ? [] : [device])));
  const heeding = Object.entries(facts.links).filter(
    ([name, link]) =>
      name !== "lo" && !facts.forwardedIpv6 && !link.marked && link.acceptsAdvertisements && !told.has(name),
  );
  return [
    ...heeding.map(([name]) => parameter(`net/ipv6/conf/${name}/accept_ra`, "2", "routers")),
    parameter("net/ipv6/conf/all/forwarding", "1", "routers"),
  ];
}

/** Interfaces of others between which this host did not forward, and does not. */
function keptApart(facts: Facts): readonly string[] {
  if (facts.forwardedIpv6) return [];
  return Object.entries(facts.links).flatMap(([name, link]) =>
    name === "lo" || link.marked || link.master !== undefined ? [] : [name],
  );
}

function compileTable(model: Model, rules: string, family: Family): readonly NftTableObject[] {
  if (rules === "") return [];
  return [
    {
      kind: "nft-table",
      key: `nft${family === 4 ? "" : "6"}/${model.name}`,
      origin: model.routers.length === 1 ? `router ${model.routers[0]!.name}` : "routers",
      namespace: "",
      family: family === 4 ? "ip" : "ip6",
      name: tableName(model.name),
      rules,
    },
  ];
}

/** What a person should know about forward chains of others, and about uplinks that lead nowhere. */
export function routerNotes(model: Model, layout: Layout, facts: Facts): readonly string[] {
  const notes: string[] = [];
  for (const { name, backend, hasDockerUser } of model.networks.length === 0 ? [] : facts.foreignForwardDrops) {
    notes.push(
      backend === "native"
        ? `the forward chain ${name} of other software drops by default and takes no rule of ours: allow this file's networks there`
        : `the forward chain ${name} of other software drops by default: accept rules for this file's networks go into ${hasDockerUser ? "DOCKER-USER" : "it"}`,
    );
  }
  for (const family of [4, 6] as const)
    for (const uplink of uplinksOf(model, layout, family)) notes.push(...uplinkNotes(uplink, facts, family));
  if (uplinksOf(model, layout, 6).length > 0 && !facts.features.forwardsByInterface && !facts.forwardedIpv6) {
    const apart = keptApart(facts);
    const rest = apart.length > 1 ? `; a rule keeps ${apart.join(", ")} apart from each other as before` : "";
    notes.push(
      `this kernel forwards IPv6 for all interfaces or for none (single ones from Linux 6.17): it is turned on for all${rest}`,
    );
  }
  return [...new Set(notes)];
}

function uplinkNotes(uplink: Uplink, facts: Facts, family: Family): readonly string[] {
  const link = facts.links[uplink.device];
  if (link === undefined) return [];
  if (family === 4 ? uplink.address === "dhcp" : uplink.address6 === "dhcp") return [];
  if (uplink.addresses.some(({ address }) => familyOf(address) === family)) {
    const leadsOut =
      uplink.gateways.some((gateway) => familyOf(gateway) === family) ||
      facts.routes.some(
        ({ destination, device }) =>
          destination.length === 0 && familyOf(destination.address) === family && device === uplink.device,
      );
    return leadsOut
      ? []
      : [`the uplink ${uplink.device} has no IPv${family} gateway: only its own subnet is reached through it`];
  }
  if (!link.up) return [`the uplink ${uplink.device} is down: nothing beyond it can be reached until it is up`];
  if (family === 6 && uplink.address6 === "ra") return [];
  const usable = link.addresses.some(({ address }) => familyOf(address) === family && !address.startsWith("fe80:"));
  return usable
    ? []
    : [`the uplink ${uplink.device} has no IPv${family} address: nothing can be translated to it until it has one`];
}
