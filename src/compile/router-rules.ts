/**
 * What a file's nft tables hold, one for each family: translation to the outside, the ways that routers lead, and
 * nothing else.
 *
 * With br_netfilter frames inside a bridge pass the ip hooks as well, so that both chains have to let a network talk
 * to itself and translation leaves it alone.
 */
import { type Family, formatPrefix, overlaps, type Prefix } from "../base/address.ts";
import type { Model } from "../model/model.ts";
import { bridgeSubnets } from "../model/subnets.ts";
import { type Layout, type NetworkLayout, networksOf } from "./layout.ts";

/** @param apart interfaces of others that must not be led to each other. @returns the table's text; empty: none is needed */
export function routerRules(model: Model, layout: Layout, family: Family, apart: readonly string[] = []): string {
  const translate: string[] = [];
  const forward: string[] = [];
  const close: string[] = [];
  const ip = family === 4 ? "ip" : "ip6";
  const closed = (network: NetworkLayout["network"]): void => {
    close.push(`oifname ${quoted(network.device)} drop`, `iifname ${quoted(network.device)} drop`);
  };
  for (const router of model.routers) {
    const networks = networksOf(router, layout).filter((place) => outwardOf(place, family).length > 0);
    const uplink = networks[0]?.uplink;
    if (uplink === undefined) continue;
    const outside = quoted(uplink.device);
    for (const place of networks) {
      const bridge = quoted(place.network.device);
      const translated = subnetsOf(place, family);
      const subnets = setOf(translated);
      if (router.nat === "masquerade" && translated.length > 0)
        translate.push(`${ip} saddr ${subnets} ${ip} daddr != ${subnets} oifname ${outside} masquerade`);
      for (const other of networks) forward.push(`iifname ${bridge} oifname ${quoted(other.network.device)} accept`);
      forward.push(`iifname ${bridge} oifname ${outside} ${ip} saddr ${setOf(outwardOf(place, family))} accept`);
      const inward = router.nat === "masquerade" ? " ct state established,related" : "";
      forward.push(`iifname ${outside} oifname ${bridge}${inward} accept`);
      closed(place.network);
    }
  }
  if (family === 6) {
    // Of IPv4 the bridge itself is told not to forward; of IPv6 older kernels cannot be.
    for (const place of layout.networks.values()) {
      if (place.router !== undefined || place.addressing6 === undefined) continue;
      const bridge = quoted(place.network.device);
      forward.push(`iifname ${bridge} oifname ${bridge} accept`);
      closed(place.network);
    }
  }
  if (apart.length > 1) {
    const set = `{ ${apart.map(quoted).join(", ")} }`;
    close.push(`iifname ${set} oifname ${set} drop`);
  }
  if (forward.length === 0) return "";
  return [
    ...chain("postrouting", "type nat hook postrouting priority srcnat; policy accept;", translate),
    ...chain("forward", "type filter hook forward priority filter; policy accept;", [...forward, ...close]),
  ].join("\n");
}

function subnetsOf({ network, addressing6 }: NetworkLayout, family: Family): readonly Prefix[] {
  if (family === 4) return bridgeSubnets(network).map(({ subnet }) => subnet);
  if (addressing6 === undefined) return [];
  // What is behind routers of the network comes in by its bridge, too.
  const { delegate, hosts = [] } = network.ipv6 ?? {};
  const behind = hosts.flatMap(({ prefix }) =>
    prefix === undefined || (delegate !== undefined && overlaps(delegate.from, prefix)) ? [] : [prefix],
  );
  return [addressing6.subnet, ...(delegate === undefined ? [] : [delegate.from]), ...behind];
}

/** With that which needs no translation. */
function outwardOf(place: NetworkLayout, family: Family): readonly Prefix[] {
  const delegated = family === 4 || place.delegated6 === undefined ? [] : [place.delegated6.subnet];
  return [...subnetsOf(place, family), ...delegated];
}

/** nft's word for one or several. */
function setOf(subnets: readonly Prefix[]): string {
  const words = subnets.map(formatPrefix);
  return words.length === 1 ? words[0]! : `{ ${words.join(", ")} }`;
}

function quoted(device: string): string {
  return JSON.stringify(device);
}

function chain(name: string, declaration: string, rules: readonly string[]): readonly string[] {
  if (rules.length === 0) return [];
  return [`chain ${name} {`, ...[declaration, ...rules].map((line) => `  ${line}`), "}"];
}
