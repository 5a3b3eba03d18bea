/** The link kinds that can be encoded and decoded, by their names in IFLA_INFO_KIND. */
import type { Values } from "../../attribute.ts";
import { bridge } from "./bridge.ts";
import { dummy } from "./dummy.ts";
import { ifb } from "./ifb.ts";
import type { LinkKind } from "./kind.ts";
import { macvlan, macvtap } from "./macvlan.ts";
import { tun } from "./tun.ts";
import { veth } from "./veth.ts";
import { vxlan } from "./vxlan.ts";

export const LINK_KINDS = { bridge, dummy, ifb, macvlan, macvtap, tun, veth, vxlan };

type Kinds = typeof LINK_KINDS;
export type LinkKindName = keyof Kinds;
/** What each kind has of its own, in a field with the kind's name. */
export type KindData = { readonly [Kind in LinkKindName]?: Values<Kinds[Kind]["data"]> };
export type BridgeData = Values<Kinds["bridge"]["data"]>;
export type BridgePortRows = Kinds["bridge"]["port"]["rows"];
/** What a port of a bridge has. */
export type BridgePort = Values<Kinds["bridge"]["port"]>;

export function kindNamed(name: string): LinkKind | undefined {
  return Object.hasOwn(LINK_KINDS, name) ? LINK_KINDS[name as LinkKindName] : undefined;
}
