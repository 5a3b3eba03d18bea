/** A host for compiling in tests: eth0 with MTU 1450 and 203.0.113.5/24, and a name server. */
import { type Ipv4Address, parsePrefix } from "../../src/base/address.ts";
import { type Compiled, compile } from "../../src/compile/compile.ts";
import type { Facts, HostLink } from "../../src/compile/facts.ts";
import type { Model } from "../../src/model/model.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";
import type { StateObject } from "../../src/state/object.ts";

/** An interface of somebody else. */
export function link(index: number, address: string, further: Partial<HostLink> = {}): HostLink {
  const addresses = [parsePrefix(address)];
  return {
    index,
    mtuBytes: 1500,
    up: true,
    ours: false,
    marked: false,
    acceptsAdvertisements: true,
    addresses,
    ...further,
  };
}

export const HOST: Facts = {
  links: {
    lo: link(1, "127.0.0.1/8", { mtuBytes: 65536, unfitPort: "is the loopback" }),
    eth0: link(2, "203.0.113.5/24", { mtuBytes: 1450 }),
  },
  routes: [
    { destination: parsePrefix("0.0.0.0/0"), device: "eth0" },
    { destination: parsePrefix("203.0.113.0/24"), device: "eth0" },
  ],
  resolver: { servers: ["203.0.113.53" as Ipv4Address], search: ["example.org"] },
  foreignForwardDrops: [],
  forwardedIpv6: false,
  features: { dummy: true, ipv6: true, forwardsByInterface: true },
  missingFiles: [],
};

export function model(text: string): Model {
  return parseNetworkFile(text, "office.yaml", { folder: "/srv" });
}

export function compiled(text: string, facts: Facts = HOST): Compiled {
  return compile(model(text), facts);
}

export function byKey(result: Compiled): ReadonlyMap<string, StateObject> {
  return new Map(result.desired.objects.map((object) => [object.key, object]));
}
