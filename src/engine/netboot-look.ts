/** Whether another DHCP server is behind a link, as far as the link could carry the question. */
import type { Ipv4Address } from "../base/address.ts";
import { linkStateOf } from "../kernel/read-interface.ts";
import { type DhcpOffer, probeDhcp } from "./doctor/dhcp-probe.ts";

/** dnsmasq pings three seconds long what it offers. */
const LOOK_MILLISECONDS = 3800;

export type DhcpLook =
  | { readonly found: "server"; readonly server: Ipv4Address }
  | { readonly found: "nobody" }
  /** No frame can pass: who is behind it is not known. */
  | { readonly found: "no-carrier" }
  /** The question did not get out, or went into two networks: who is there is not known. */
  | { readonly found: "trouble"; readonly reason: string };

interface LookOptions {
  /** Other offers are passed over; default none. */
  readonly counts?: (offer: DhcpOffer) => boolean;
  /** Option 60 of the question. */
  readonly vendorClass?: string;
  /** Gives up waiting: what came by then counts. */
  readonly signal: AbortSignal;
}

/** @throws NetloomError no-link; SystemCallError; NetlinkError */
export async function lookForServer(interfaceName: string, options: LookOptions): Promise<DhcpLook> {
  const before = await linkStateOf(interfaceName);
  if (before?.running !== true) return { found: "no-carrier" };
  const { offers, trouble } = await probeDhcp(interfaceName, {
    ...options,
    milliseconds: LOOK_MILLISECONDS,
    untilFirst: true,
  });
  const [offer] = offers;
  if (offer !== undefined) return { found: "server", server: offer.serverIdentifier };
  const after = await linkStateOf(interfaceName);
  if (after?.running !== true) return { found: "no-carrier" };
  if (after.carrierUpCount !== before.carrierUpCount) return { found: "trouble", reason: "the carrier was lost" };
  return trouble === undefined ? { found: "nobody" } : { found: "trouble", reason: trouble };
}
