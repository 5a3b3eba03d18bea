/** The shape of uplinks. */
import * as v from "valibot";
import { deviceName, integer, nameServer, yesOrNo } from "../leaf.ts";
import { UPLINK_TEXTS } from "../texts/uplink.ts";
import { addressSource, addressSource6, gatewayAddress, ownAddress } from "../uplink-leaf.ts";
import { either, isList, list, map } from "./containers.ts";
import { dns } from "./name-servers.ts";

/** keep and dhcp hold neither. */
const isAddress = (input: unknown): boolean => typeof input === "string" && /[.:/]/.test(input);

export const uplink = map(
  {
    device: deviceName,
    address: v.exactOptional(
      either(isList, list(ownAddress, 64, "addresses"), either(isAddress, ownAddress, addressSource)),
    ),
    "ipv6-only-ok": v.exactOptional(yesOrNo),
    address6: v.exactOptional(addressSource6),
    prefix6: v.exactOptional(integer(16, 64, " (bits)")),
    gateway: v.exactOptional(either(isList, list(gatewayAddress, 2, "gateways"), gatewayAddress)),
    dns: v.exactOptional(either(isList, list(nameServer, 8, "name servers"), dns)),
  },
  UPLINK_TEXTS,
);
