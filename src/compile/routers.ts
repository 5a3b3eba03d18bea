/**
 * Routers: forwarding by interface, one nft table for all routers of a file, and a way through forward chains of
 * others that drop.
 *
 * net.ipv4.ip_forward is never touched: it would make a router between all other interfaces of the host, too.
 * With br_netfilter frames inside a bridge pass the ip hooks as well, so that both chains have to let a network
 * talk to itself and translation leaves it alone.
 */
import { formatPrefix } from "../base/address.ts";
import type { Model, Router, Uplink } from "../model/model.ts";
import type { ForeignAcceptObject, NftTableObject, StateObject } from "../state/object.ts";
import type { Facts } from "./facts.ts";
import type { Layout, NetworkLayout } from "./layout.ts";

export function compileRouters(model: Model, layout: Layout, facts: Facts): readonly StateObject[] {
  const uplinks = model.uplinks.filter((uplink) => model.routers.some((router) => router.uplink === uplink.name));
  const table = compileTable(model, layout);
  return [
    ...uplinks.map(forwarding),
    ...(table === undefined ? [] : [table]),
    ...(facts.foreignForwardDrops.length === 0 ? [] : compileForeignAccepts(model, layout, facts)),
  ];
}

function forwarding(uplink: Uplink): StateObject {
  const path = `net/ipv4/conf/${uplink.device}/forwarding`;
  return { kind: "sysctl", key: `sysctl/${path}`, origin: `uplink ${uplink.name}`, namespace: "", path, value: "1" };
}

function networksOf(router: Router, layout: Layout): readonly NetworkLayout[] {
  return router.networks.flatMap((name) => layout.networks.get(name) ?? []);
}

function compileTable(model: Model, layout: Layout): NftTableObject | undefined {
  const translate: string[] = [];
  const forward: string[] = [];
  const close: string[] = [];
  for (const router of model.routers) {
    const networks = networksOf(router, layout);
    const uplink = networks[0]?.uplink;
    if (uplink === undefined) continue;
    const outside = JSON.stringify(uplink.device);
    for (const { network } of networks) {
      const bridge = JSON.stringify(network.device);
      const subnet = formatPrefix(network.subnet);
      if (router.nat === "masquerade")
        translate.push(`ip saddr ${subnet} ip daddr != ${subnet} oifname ${outside} masquerade`);
      for (const other of networks)
        forward.push(`iifname ${bridge} oifname ${JSON.stringify(other.network.device)} accept`);
      forward.push(`iifname ${bridge} oifname ${outside} ip saddr ${subnet} accept`);
      const inward = router.nat === "masquerade" ? " ct state established,related" : "";
      forward.push(`iifname ${outside} oifname ${bridge}${inward} accept`);
      close.push(`oifname ${bridge} drop`, `iifname ${bridge} drop`);
    }
  }
  if (forward.length === 0) return undefined;
  return {
    kind: "nft-table",
    key: `nft/${model.name}`,
    origin: model.routers.length === 1 ? `router ${model.routers[0]!.name}` : "routers",
    namespace: "",
    family: "ip",
    name: `netloom_${model.name.replaceAll("-", "_")}`,
    rules: [
      ...chain("postrouting", "type nat hook postrouting priority srcnat; policy accept;", translate),
      ...chain("forward", "type filter hook forward priority filter; policy accept;", [...forward, ...close]),
    ].join("\n"),
  };
}

function chain(name: string, declaration: string, rules: readonly string[]): readonly string[] {
  if (rules.length === 0) return [];
  return [`chain ${name} {`, ...[declaration, ...rules].map((line) => `  ${line}`), "}"];
}

/** The same ways as in our own table, and no more: other networks of that software stay closed to ours. */
function compileForeignAccepts(model: Model, layout: Layout, facts: Facts): readonly ForeignAcceptObject[] {
  const ways = new Map<string, Way>();
  const add = (from: string, to: string, establishedOnly: boolean, origin: string): void => {
    ways.set(`${from}/${to}`, { from, to, establishedOnly, origin });
  };
  for (const { network } of layout.networks.values())
    add(network.device, network.device, false, `network ${network.name}`);
  for (const router of model.routers) {
    const networks = networksOf(router, layout);
    for (const { network, uplink } of networks) {
      for (const other of networks) add(network.device, other.network.device, false, `router ${router.name}`);
      if (uplink === undefined) continue;
      add(network.device, uplink.device, false, `router ${router.name}`);
      add(uplink.device, network.device, router.nat === "masquerade", `router ${router.name}`);
    }
  }
  return facts.foreignForwardDrops.flatMap(({ backend, hasDockerUser }) => {
    if (backend === "native") return [];
    const chainName = hasDockerUser ? "DOCKER-USER" : "FORWARD";
    return [...ways.values()].map((way) => foreignAccept(backend, chainName, way));
  });
}

interface Way {
  readonly from: string;
  readonly to: string;
  readonly establishedOnly: boolean;
  readonly origin: string;
}

function foreignAccept(backend: "nft" | "legacy", chainName: string, way: Way): ForeignAcceptObject {
  return {
    kind: "foreign-accept",
    key: `foreign-accept/${backend}/${way.from}/${way.to}`,
    origin: way.origin,
    namespace: "",
    backend,
    chain: chainName,
    inInterface: way.from,
    outInterface: way.to,
    ...(way.establishedOnly ? { establishedOnly: true } : {}),
  };
}

/** What a person should know about forward chains of others, and about uplinks that lead nowhere. */
export function routerNotes(model: Model, facts: Facts): readonly string[] {
  const notes: string[] = [];
  for (const { name, backend, hasDockerUser } of model.networks.length === 0 ? [] : facts.foreignForwardDrops) {
    notes.push(
      backend === "native"
        ? `the forward chain ${name} of other software drops by default and takes no rule of ours: allow this file's networks there`
        : `the forward chain ${name} of other software drops by default: accept rules for this file's networks go into ${hasDockerUser ? "DOCKER-USER" : "it"}`,
    );
  }
  for (const uplink of model.uplinks) {
    const link = facts.links[uplink.device];
    if (link === undefined || !model.routers.some((router) => router.uplink === uplink.name)) continue;
    if (!link.up) notes.push(`the uplink ${uplink.device} is down: nothing beyond it can be reached until it is up`);
    else if (!link.addresses.some((prefix) => !prefix.address.includes(":")))
      notes.push(`the uplink ${uplink.device} has no IPv4 address: nothing can be translated to it until it has one`);
  }
  return notes;
}
