/** `netloom dhcp6 request`: an interface of this host has a DHCPv6 lease for as long as a process asks for it. */
import { setTimeout as sleep } from "node:timers/promises";
import { NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { linkLocalOf } from "../kernel/ipv6-addresses.ts";
import type { Dhcp6ClientEvent } from "../protocol/dhcp6/client/input-output.ts";
import type { Dhcp6Lease, Dhcp6Settings } from "../protocol/dhcp6/client/lease.ts";
import { Dhcp6LinkClient } from "../services/dhcp6-client.ts";
import { AwaitedAnswer, type Patience } from "./awaited-answer.ts";
import { holdSession } from "./hold-session.ts";
import {
  type Dhcp6Wishes,
  findInterface6,
  identityOf,
  Lease6Session,
  type Lease6SessionOptions,
} from "./lease6-session.ts";

const LOOK_MILLISECONDS = 100;

/** A lease, or settings alone where nothing else is wished for. */
export type Answer6 = { readonly lease: Dhcp6Lease } | { readonly settings: Dhcp6Settings; readonly server: string };

/**
 * Ask once, and change nothing on the host: nobody renews the lease, and it is not given back.
 * @throws NetloomError unfit-interface, link-down, no-dhcp-server after `timeoutSeconds` or when `signal` says so
 */
export async function requestOnce6(
  interfaceName: string,
  wishes: Dhcp6Wishes,
  { logger, ...patience }: Patience & { readonly logger: Logger },
): Promise<Answer6> {
  const found = await findInterface6(interfaceName);
  if (!found.up) {
    throw new NetloomError("link-down", `dhcp6 request ${interfaceName}: the interface is down`, {
      hint: `Set it up (ip link set ${interfaceName} up), or leave out --once: then netloom does.`,
    });
  }
  using answer = new AwaitedAnswer<Answer6>(
    `dhcp6 request ${interfaceName}`,
    `\`netloom doctor\` and \`tcpdump -ni ${interfaceName} udp port 546 or udp port 547\` show what is on the link; --timeout waits longer.`,
    "the interface has no link-local address that is ready",
    patience,
  );
  const onEvent = (event: Dhcp6ClientEvent): void => {
    if (event.event === "bound") answer.resolve({ lease: event.lease });
    else if (event.event === "informed") answer.resolve({ settings: event.settings, server: event.server });
    else if (event.event === "advertised") answer.trouble = `${event.server} offered a lease but did not confirm it`;
    else if (event.event === "refused")
      answer.trouble = `a server refused: ${event.status}${event.message === "" ? "" : ` ${JSON.stringify(event.message)}`}`;
  };
  let client: Dhcp6LinkClient | undefined;
  let isOver = false;
  const begin = async (): Promise<void> => {
    let linkAddress = await linkLocalOf(found.index);
    while (linkAddress === undefined && !isOver) {
      await sleep(LOOK_MILLISECONDS);
      linkAddress = await linkLocalOf(found.index);
    }
    if (linkAddress === undefined || isOver) return;
    const config = { ...identityOf(found.macAddress, wishes), linkAddress };
    client = new Dhcp6LinkClient({ interfaceName, interfaceIndex: found.index, config, onEvent, logger });
    answer.trouble = "no DHCPv6 server answered";
    client.start();
  };
  try {
    begin().catch((error: unknown) => answer.reject(error));
    return await answer.promise;
  } finally {
    isOver = true;
    client?.[Symbol.dispose]();
  }
}

/**
 * Hold a lease until `stop` says so, then give everything back and tell the server.
 * @throws NetloomError unfit-interface, conflict, apply-failed; what was applied until then is taken back
 */
export function holdLease6(options: Omit<Lease6SessionOptions, "onFailure">, stop: AbortSignal): Promise<void> {
  return holdSession((onFailure) => Lease6Session.open({ ...options, onFailure }), stop);
}
