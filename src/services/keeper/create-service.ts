/** Which service runs which kind of object. */
import type { Logger } from "../../base/logger.ts";
import type { ServiceObject } from "../../state/object.ts";
import type { BootServerObject } from "../../state/object/boot-server.ts";
import type { Dhcp6ClientObject, DhcpClientObject } from "../../state/object/lease-client.ts";
import type { NetworkDnsObject } from "../../state/object/network-dns.ts";
import type { Ip6NetworkObject } from "../../state/object/network-ip6.ts";
import type { Ip6SingleObject, SingleDhcpObject } from "../../state/object/one-guest.ts";
import { NetworkBootServer } from "../boot-network.ts";
import { isServedOn } from "../../state/served-on.ts";
import { NetworkDhcpServers } from "../dhcp4-network.ts";
import { serveSingleDhcp } from "../dhcp4-single.ts";
import { NetworkDnsServers } from "../dns-network.ts";
import { type Ip6Shared, NetworkIp6Server, offersOf } from "../ip6-bridge.ts";
import { SingleIp6Server } from "../ip6-single.ts";
import { LeaseBoard } from "../lease-board.ts";
import type { Service } from "../service.ts";
import { VmService } from "../vm/machine.ts";
import { type Kind, LinkService } from "./link-service.ts";

/** Makes the DHCP client of an uplink: it changes the host, which only the engine can. */
export type CreateDhcpClient = (object: DhcpClientObject | Dhcp6ClientObject, log: Logger) => Service;

/** What services of a keeper share. */
export interface ServiceMakers {
  /** The DHCP servers of the same state folder. */
  readonly networks: NetworkDhcpServers;
  /** The DNS servers. */
  readonly names: NetworkDnsServers;
  /** What the DHCP servers tell of their leases. */
  readonly board: LeaseBoard;
  readonly createDhcpClient: CreateDhcpClient;
}

/** What the services of one state folder share. */
export function serviceMakers(stateFolder: string, createDhcpClient: CreateDhcpClient, log: Logger): ServiceMakers {
  const board = new LeaseBoard();
  return {
    board,
    networks: new NetworkDhcpServers(stateFolder, log, board),
    names: new NetworkDnsServers(board, log),
    createDhcpClient,
  };
}

export function createService(object: ServiceObject, stateFolder: string, makers: ServiceMakers, log: Logger): Service {
  const { networks, createDhcpClient } = makers;
  if (object.kind === "vm") return new VmService(object, stateFolder, log);
  if (object.kind === "dhcp-client" || object.kind === "dhcp6-client") return createDhcpClient(object, log);
  if (object.kind === "ip6-network")
    return new LinkService(object, log, networkIp6(object, { stateFolder, board: makers.board, logger: log }));
  if (object.kind === "boot-server")
    return new LinkService(object, log, networkBoot(object, { networks, logger: log }));
  if (object.kind === "dns-network") return new LinkService(object, log, networkDns(object, makers.names));
  if (object.kind !== "dhcp-network") return createLinkService(object, log);
  const { network, serverAddress, hosts } = object;
  return new LinkService(object, log, {
    offers: { network, serverAddress, hosts: hosts.length },
    open: (place) => networks.open(object, place),
  });
}

function networkBoot(
  object: BootServerObject,
  shared: { readonly networks: NetworkDhcpServers; readonly logger: Logger },
): Kind {
  const { network, address, root, share } = object;
  return {
    offers: { network, address, root, ...(share === undefined ? {} : { share }) },
    open: (place) => NetworkBootServer.open(object, place, shared),
  };
}

function networkIp6(object: Ip6NetworkObject, shared: Ip6Shared): Kind {
  return {
    offers: offersOf(object),
    open: (place) => new NetworkIp6Server(object, place, shared),
    successor: (goal) =>
      goal.kind === "ip6-network" && isServedOn(object, goal) ? networkIp6(goal, shared) : undefined,
  };
}

function networkDns(object: NetworkDnsObject, servers: NetworkDnsServers): Kind {
  const { network, domain, mode, hosts } = object;
  return {
    offers: { network, domain, mode, hosts: hosts.length },
    open: (place) => servers.open(object, place),
    successor: (goal) =>
      goal.kind === "dns-network" && isServedOn(object, goal) ? networkDns(goal, servers) : undefined,
  };
}

/** What needs nothing but a link. */
export function createLinkService(object: SingleDhcpObject | Ip6SingleObject, log: Logger): LinkService {
  switch (object.kind) {
    case "dhcp-single": {
      const { clientMac, serverAddress, serverMac, lease } = object;
      const { address, hostName } = lease;
      return new LinkService(object, log, {
        offers: { clientMac, address, ...(hostName === undefined ? {} : { hostName }) },
        open: ({ namespacePath, interfaceIndex }) =>
          serveSingleDhcp({
            namespacePath,
            link: interfaceIndex,
            config: { clientMac, serverAddress, serverMac, lease },
            logger: log,
          }),
      });
    }
    case "ip6-single": {
      const { clientMac, lease } = object;
      return new LinkService(object, log, {
        offers: { clientMac, addresses: lease.addresses },
        open: ({ namespacePath, interfaceIndex }) =>
          new SingleIp6Server({ namespacePath, interfaceIndex, place: object, logger: log }),
      });
    }
  }
}
