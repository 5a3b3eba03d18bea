/** Which service runs which kind of object. */
import type { Logger } from "../../base/logger.ts";
import { NetloomError } from "../../base/errors.ts";
import { nameOf, type ServiceObject } from "../../state/object.ts";
import type { Service } from "../service.ts";
import { VmService } from "../vm/machine.ts";
import { SingleDhcpService } from "./single-dhcp.ts";

export function createService(object: ServiceObject, stateFolder: string, log: Logger): Service {
  switch (object.kind) {
    case "vm":
      return new VmService(object, stateFolder, log);
    case "dhcp-single":
      return new SingleDhcpService(object, log);
    case "ip6-single":
    case "dhcp-network":
      throw new NetloomError("not-supported", `${nameOf(object)}: not served yet`);
  }
}
