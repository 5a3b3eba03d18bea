/** `netloom dhcp request`: an interface of this host gets its address from a DHCP server for as long as a process asks for it. */
import { NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Dhcp4Lease } from "../protocol/dhcp4/client/lease.ts";
import { steadySeconds } from "../services/clock.ts";
import { DhcpClient } from "../services/dhcp4-client.ts";
import { AwaitedAnswer, type Patience } from "./awaited-answer.ts";
import { holdSession } from "./hold-session.ts";
import { type DhcpWishes, findInterface, LeaseSession, type LeaseSessionOptions } from "./lease-session.ts";

/**
 * Ask once, and change nothing on the host: nobody renews the lease, and it is not given back.
 * @throws NetloomError unfit-interface, link-down, ipv6-only, no-dhcp-server after `timeoutSeconds` or when `signal` says so
 */
export async function requestOnce(
  interfaceName: string,
  wishes: DhcpWishes,
  { logger, ...patience }: Patience & { readonly logger: Logger },
): Promise<Dhcp4Lease> {
  const found = await findInterface(interfaceName);
  if (!found.up) {
    throw new NetloomError("link-down", `dhcp request ${interfaceName}: the interface is down`, {
      hint: `Set it up (ip link set ${interfaceName} up), or leave out --once: then netloom does.`,
    });
  }
  using answer = new AwaitedAnswer<Dhcp4Lease>(
    `dhcp request ${interfaceName}`,
    `\`netloom doctor\` and \`tcpdump -ni ${interfaceName} port 67 or port 68\` show what is on the link; --timeout waits longer.`,
    "no DHCP server answered",
    patience,
  );
  using client = new DhcpClient({
    interfaceIndex: found.index,
    config: { ...wishes, mac: found.macAddress, linkMtuBytes: found.mtuBytes, announce: false },
    onEvent: (event) => {
      if (event.event === "bound") answer.resolve(event.lease);
      else if (event.event === "offered")
        answer.trouble = `${event.server} offered ${event.address} but did not confirm it`;
      else if (event.event === "refused") answer.trouble = `${event.server ?? "a server"} refused the request`;
      else if (event.event === "ipv6-only")
        answer.reject(withoutIpv4(interfaceName, event.untilSeconds - steadySeconds()));
      else if (event.event === "conflict")
        answer.trouble = `${event.macAddress} has the address ${event.address} already, and no server gave another`;
    },
    logger,
  });
  client.start();
  return await answer.promise;
}

function withoutIpv4(interfaceName: string, seconds: number): NetloomError {
  return new NetloomError(
    "ipv6-only",
    `dhcp request ${interfaceName}: the server says that this network does without IPv4, for ${Math.round(seconds)} s`,
    { hint: "Without --ipv6-only-ok it gives an address all the same." },
  );
}

/**
 * Hold a lease until `stop` says so, then give everything back and tell the server.
 * @throws NetloomError unfit-interface, conflict, apply-failed; what was applied until then is taken back
 */
export function holdLease(options: Omit<LeaseSessionOptions, "onFailure">, stop: AbortSignal): Promise<void> {
  return holdSession((onFailure) => LeaseSession.open({ ...options, onFailure }), stop);
}
