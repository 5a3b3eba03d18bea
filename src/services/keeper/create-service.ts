/** Which service runs which kind of object. */
import type { Logger } from "../../base/logger.ts";
import type { ServiceObject } from "../../state/object.ts";
import { NetworkDhcpServer } from "../dhcp4-network.ts";
import { serveSingleDhcp } from "../dhcp4-single.ts";
import { SingleIp6Server } from "../ip6-single.ts";
import type { Service } from "../service.ts";
import { VmService } from "../vm/machine.ts";
import { LinkService } from "./link-service.ts";

export function createService(object: ServiceObject, stateFolder: string, log: Logger): Service {
  return object.kind === "vm" ? new VmService(object, stateFolder, log) : createLinkService(object, log);
}

/** What needs nothing but a link. */
export function createLinkService(object: Exclude<ServiceObject, { readonly kind: "vm" }>, log: Logger): LinkService {
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
