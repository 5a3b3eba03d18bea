import { expect, test } from "vitest";
import { IPV4_ANY, parseIpv4, parseMac } from "../../../../src/base/address.ts";
import { describeLease } from "../../../../src/protocol/dhcp4/client/describe.ts";
import { readLease } from "../../../../src/protocol/dhcp4/client/lease.ts";
import { DHCP4_OPTION, optionEntry } from "../../../../src/wire/dhcp4/option-table.ts";
import { Malformed } from "../../../../src/wire/malformed.ts";
import { readReply } from "../../../support/dhcp4-client.ts";
import { serverFrame } from "../../../support/dhcp4-server.ts";

test("a lease as JSON: every option by its name, bytes in hexadecimal, what has no name by its number", () => {
  const server = parseIpv4("192.0.2.1");
  const serverMac = parseMac("02:00:00:00:00:fe");
  const frame = serverFrame({
    type: "ACK",
    server,
    serverMac,
    clientMac: parseMac("52:54:00:00:00:17"),
    transactionId: 1,
    address: parseIpv4("192.0.2.17"),
    options: [
      optionEntry(DHCP4_OPTION.classlessRoutes, [
        { destination: { address: parseIpv4("169.254.1.1"), length: 32 }, gateway: IPV4_ANY },
        { destination: { address: IPV4_ANY, length: 0 }, gateway: parseIpv4("169.254.1.1") },
      ]),
      optionEntry(DHCP4_OPTION.vendorSpecific, Uint8Array.of(1, 2, 255)),
      [DHCP4_OPTION.interfaceMtu.code, Uint8Array.of(5)],
      [224, Uint8Array.of(0xca, 0xfe)],
    ],
  });
  const lease = readLease(readReply(frame).message, serverMac);
  if (lease instanceof Malformed) throw new Error(lease.reason);
  const routes = [{ destination: "169.254.1.1/32" }, { destination: "0.0.0.0/0", gateway: "169.254.1.1" }];
  expect(JSON.parse(JSON.stringify(describeLease(lease)))).toEqual({
    address: "192.0.2.17",
    prefixLength: 24,
    routers: [],
    routes,
    nameServers: [],
    searchDomains: [],
    ntpServers: [],
    server,
    serverMac,
    leaseSeconds: 3600,
    renewalSeconds: 1800,
    rebindingSeconds: 3150,
    options: {
      "dhcp-message-type": "ACK",
      "dhcp-server-identifier": "192.0.2.1",
      "dhcp-lease-time": 3600,
      "subnet-mask": "255.255.255.0",
      "classless-static-routes": routes,
      "vendor-encapsulated-options": "0102ff",
      // Not a value of that option's form.
      "interface-mtu": "05",
      "224": "cafe",
    },
  });
});
