/** Which service runs which kind of object. */
import type { Logger } from "../../base/logger.ts";
import type { DhcpClientObject, ServiceObject } from "../../state/object.ts";
import { NetworkDhcpServer } from "../dhcp4-network.ts";
import { serveSingleDhcp } from "../dhcp4-single.ts";
import { SingleIp6Server } from "../ip6-single.ts";
import type { Service } from "../service.ts";
import { VmService } from "../vm/machine.ts";
import { LinkService, type LinkServiceObject } from "./link-service.ts";

/** Makes the DHCP client of an uplink: it changes the host, which only the engine can. */
export type CreateDhcpClient = (object: DhcpClientObject, log: Logger) => Service;

/** What services of a keeper share. */
export interface ServiceMakers {
  readonly createDhcpClient: CreateDhcpClient;
}

export function createService(
  object: ServiceObject,
  stateFolder: string,
  { createDhcpClient }: ServiceMakers,
  log: Logger,
): Service {
  switch (object.kind) {
    case "vm":
      return new VmService(object, stateFolder, log);
    case "dhcp-client":
      return createDhcpClient(object, log);
    default:
      return createLinkService(object, log);
  }
}

/** What needs nothing but a link. */
export function createLinkService(object: LinkServiceObject, log: Logger): LinkService {
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
    case "dhcp-network": {
      const { serverAddress, hosts } = object;
      return new LinkService(object, log, {
        offers: { serverAddress, hosts: hosts.length },
        open: ({ namespacePath, interfaceIndex, macAddress }) =>
          new NetworkDhcpServer({
            namespacePath,
            interfaceIndex,
            serverMac: macAddress,
            serverAddress,
            hosts,
            logger: log,
          }),
      });
    }
  }
}
