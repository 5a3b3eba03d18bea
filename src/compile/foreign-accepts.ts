/** A way through forward chains of other software that drop: the same ways as in our own tables, and no more. */
import type { Family } from "../base/address.ts";
import type { Model } from "../model/model.ts";
import type { ForeignAcceptObject } from "../state/object/kernel.ts";
import type { Facts } from "./facts.ts";
import { hasIpv6, type Layout, networksOf } from "./layout.ts";

interface Way {
  readonly from: string;
  readonly to: string;
  readonly establishedOnly: boolean;
  readonly origin: string;
}

export function compileForeignAccepts(model: Model, layout: Layout, facts: Facts): readonly ForeignAcceptObject[] {
  return facts.foreignForwardDrops.flatMap(({ backend, family, hasDockerUser }) => {
    if (backend === "native") return [];
    const chain = hasDockerUser ? "DOCKER-USER" : "FORWARD";
    return waysOf(model, layout, family).map((way) => foreignAccept({ backend, family, chain }, way));
  });
}

function waysOf(model: Model, layout: Layout, family: Family): readonly Way[] {
  const ways = new Map<string, Way>();
  const add = (from: string, to: string, establishedOnly: boolean, origin: string): void => {
    ways.set(`${from}/${to}`, { from, to, establishedOnly, origin });
  };
  // Frames of IPv6 cross every bridge, link-local ones at least.
  for (const { network } of layout.networks.values())
    add(network.device, network.device, false, `network ${network.name}`);
  for (const router of model.routers) {
    const networks = networksOf(router, layout).filter((place) => family === 4 || hasIpv6(place));
    for (const { network, uplink } of networks) {
      for (const other of networks) add(network.device, other.network.device, false, `router ${router.name}`);
      if (uplink === undefined) continue;
      add(network.device, uplink.device, false, `router ${router.name}`);
      add(uplink.device, network.device, router.nat === "masquerade", `router ${router.name}`);
    }
  }
  return [...ways.values()];
}

function foreignAccept(
  { backend, family, chain }: { backend: "nft" | "legacy"; family: Family; chain: string },
  way: Way,
): ForeignAcceptObject {
  return {
    kind: "foreign-accept",
    key: `foreign-accept${family === 4 ? "" : "6"}/${backend}/${way.from}/${way.to}`,
    origin: way.origin,
    namespace: "",
    ...(family === 4 ? {} : { family }),
    backend,
    chain,
    inInterface: way.from,
    outInterface: way.to,
    ...(way.establishedOnly ? { establishedOnly: true } : {}),
  };
}
