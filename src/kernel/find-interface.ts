/** Which interface a server serves when nobody names one, and who is the router there. */
import { familyOf, type Ipv4Address } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { decodeAddress, dumpAddresses } from "../netlink/route/address.ts";
import { decodeLink, dumpLinks, IFF_UP } from "../netlink/route/link.ts";
import { decodeRoute, dumpRoutes, RT_TABLE_MAIN } from "../netlink/route/route.ts";
import { RouteNetlink } from "./netlink.ts";

const NO_MAC = "00:00:00:00:00:00";

interface DefaultRoute {
  readonly linkIndex: number;
  readonly gateway: Ipv4Address | undefined;
}

/**
 * The interface of the default route, else the only one that is up and has a hardware and an IPv4 address.
 * @throws NetloomError no-interface when it is not clear
 */
export async function findInterface(): Promise<string> {
  await using netlink = RouteNetlink.open();
  const links = await netlink.dump(dumpLinks(), decodeLink);
  const nameOf = (index: number): string | undefined => links.find((link) => link.index === index)?.name;
  const [route] = await defaultRoutes(netlink);
  const named = route === undefined ? undefined : nameOf(route.linkIndex);
  if (named !== undefined) return named;
  const addresses = await netlink.dump(dumpAddresses({}), decodeAddress);
  const served = new Set(addresses.filter(({ address }) => familyOf(address) === 4).map(({ linkIndex }) => linkIndex));
  const fit = links.filter(
    ({ index, flags, macAddress }) =>
      (flags & IFF_UP) !== 0 && served.has(index) && macAddress !== undefined && macAddress !== NO_MAC,
  );
  const [only] = fit;
  if (only?.name !== undefined && fit.length === 1) return only.name;
  const reason =
    fit.length === 0
      ? "no interface is up and has an IPv4 address"
      : `there is no default route, and several could be meant: ${fit.map(({ name }) => name).join(", ")}`;
  throw new NetloomError("no-interface", `find the interface to serve: ${reason}`, {
    hint: fit.length === 0 ? "ip address add 192.0.2.1/24 dev IF; ip link set IF up" : "Name one: --interface IF",
  });
}

/** The router of the interface's default route; undefined: it has none. */
export async function gatewayOf(linkIndex: number): Promise<Ipv4Address | undefined> {
  await using netlink = RouteNetlink.open();
  return (await defaultRoutes(netlink)).find((route) => route.linkIndex === linkIndex)?.gateway;
}

/** The one that the kernel takes first. */
async function defaultRoutes(netlink: RouteNetlink): Promise<DefaultRoute[]> {
  const routes = await netlink.dump(dumpRoutes({ family: 4, table: RT_TABLE_MAIN }), decodeRoute);
  return routes
    .filter(({ destination, nextHops }) => destination.length === 0 && nextHops.length > 0)
    .toSorted((a, b) => (a.metric ?? 0) - (b.metric ?? 0))
    .flatMap(({ nextHops }) => nextHops)
    .flatMap(({ linkIndex, gateway }) =>
      linkIndex === undefined
        ? []
        : [
            {
              linkIndex,
              gateway: gateway !== undefined && familyOf(gateway) === 4 ? (gateway as Ipv4Address) : undefined,
            },
          ],
    );
}
