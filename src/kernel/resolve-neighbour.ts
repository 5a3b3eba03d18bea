/** Asking a namespace's kernel for the MAC address behind an address on one of its links. */
import { setTimeout as sleep } from "node:timers/promises";
import type { IpAddress, MacAddress } from "../base/address.ts";
import { decodeNeighbour, dumpNeighbours, newNeighbour } from "../netlink/route/neighbour.ts";
import { RouteNetlink } from "./netlink.ts";
import { namespacePath } from "./transition/namespace-path.ts";

/** linux/neighbour.h: look the entry up, and resolve it when it is not known. */
const NTF_USE = 0x01;
const NUD_NONE = 0x00;
const POLL_MILLISECONDS = 20;

/**
 * What `ping` would find out, without the ping: `ip neighbour replace ADDRESS dev IF nud none use`, then read back.
 *
 * @param limitMilliseconds how long an answer is waited for
 * @returns undefined when nobody answers
 * @throws NetlinkError, SystemCallError
 */
export async function resolveNeighbour(
  namespace: string,
  linkIndex: number,
  address: IpAddress,
  limitMilliseconds: number,
): Promise<MacAddress | undefined> {
  await using netlink = RouteNetlink.open(namespace === "" ? {} : { namespacePath: namespacePath(namespace) });
  await netlink.execute([newNeighbour({ linkIndex, address, state: NUD_NONE, flags: NTF_USE }, { replace: true })]);
  const deadline = performance.now() + limitMilliseconds;
  for (;;) {
    const entries = await netlink.dump(dumpNeighbours({ linkIndex }), decodeNeighbour);
    const found = entries.find((entry) => entry.address === address)?.macAddress;
    if (found !== undefined || performance.now() > deadline) return found;
    await sleep(POLL_MILLISECONDS);
  }
}
