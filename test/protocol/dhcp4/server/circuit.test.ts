/** Whether option 82 is a relay agent's word or anybody's (RFC 3046 §2.1). */
import { describe, expect, test } from "vitest";
import { parseIpv4, parseMac } from "../../../../src/base/address.ts";
import { fromHex, utf8Encode } from "../../../../src/base/bytes.ts";
import type { Dhcp4ServerConfig } from "../../../../src/protocol/dhcp4/server/config.ts";
import { DHCP4_OPTION, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import { CLIENT_MAC, obtain, renewing, replyOf, say, SERVER, start, told } from "./world.ts";

const PORT = utf8Encode("ge-0/1");
const information = (hex: string): readonly [number, Uint8Array] => [82, fromHex(hex)];
const circuit: readonly [number, Uint8Array] = [82, Uint8Array.of(1, PORT.length, ...PORT)];
const RELAYED = { fields: { relayAddress: parseIpv4("192.0.2.200") }, destination: SERVER };
const HOSTS = { hosts: [{ identity: { circuitId: PORT }, address: parseIpv4("192.0.2.99") }] };
const TRUSTED = { trustCircuit: true };
const KNOWN = { knownOnly: true };

describe("where a client is", () => {
  test.for<[string, Partial<Dhcp4ServerConfig>, object, readonly [number, Uint8Array], string]>([
    ["is what its relay says", {}, RELAYED, circuit, "OFFER 192.0.2.99"],
    ["is not what it says itself", {}, {}, circuit, "OFFER 192.0.2.10"],
    [
      "is not what it says itself, where only known ones are served",
      KNOWN,
      {},
      circuit,
      "a client that is no known host",
    ],
    ["is what its switch says, where that is trusted", TRUSTED, {}, circuit, "OFFER 192.0.2.99"],
    ["is what its relay says, where its switch is trusted", TRUSTED, RELAYED, circuit, "OFFER 192.0.2.99"],
    [
      "is on the link that its relay says",
      {},
      RELAYED,
      information("0504c6336400"),
      "relayed from a subnet that is not served",
    ],
    ["is on our link, whatever it says", {}, {}, information("0504c6336400"), "OFFER 192.0.2.10"],
    ["is on our link, whatever its switch says", TRUSTED, {}, information("0504c6336400"), "OFFER 192.0.2.10"],
  ])("%s", ([, config, client, option, answer]) => {
    const output = say(start({ ...HOSTS, ...config }), { type: "DISCOVER", ...client, options: [option] });
    expect(told(output)).toBe(answer);
    // A switch that has put it there takes it away again.
    if (output.frames.length > 0) expect(replyOf(output).message.options.get(82)).toEqual(option[1]);
  });

  test.for([{}, TRUSTED])("%o: nobody but a relay makes the client call us by another address", (config) => {
    const output = say(start(config), { type: "DISCOVER", options: [information("0b04c00002c8")] });
    expect(readOption(replyOf(output).message.options, DHCP4_OPTION.serverIdentifier)).toBe(SERVER);
  });
});

describe("a host that its relay's port makes one", () => {
  const relayed = { ...RELAYED, options: [circuit] };

  test.for([{}, KNOWN])("%o: renews without the relay", (config) => {
    const server = start({ ...HOSTS, ...config });
    expect(obtain(server, relayed)).toBe("192.0.2.99");
    expect(told(say(server, { type: "REQUEST", ...renewing("192.0.2.99") }, 1000))).toBe("ACK 192.0.2.99");
  });

  test.for([
    ["of another host", { mac: parseMac("52:54:00:00:00:18") }],
    ["with its identifier alone", { mac: parseMac("52:54:00:00:00:18"), options: [[61, fromHex("01aabb")] as const] }],
  ] as const)("nobody else does: %s", ([, other]) => {
    const server = start(HOSTS);
    const own = { ...relayed, mac: CLIENT_MAC, options: [circuit, [61, fromHex("01aabb")] as const] };
    expect(obtain(server, own)).toBe("192.0.2.99");
    expect(told(say(server, { type: "REQUEST", ...renewing("192.0.2.99"), ...other }, 1000))).toBe("NAK");
  });

  test("no more once it has given the address back", () => {
    const server = start(HOSTS);
    expect(obtain(server, relayed)).toBe("192.0.2.99");
    const options = [[54, fromHex("c0000201")] as const];
    const returned = say(server, { type: "RELEASE", ...renewing("192.0.2.99"), options }, 10);
    expect(returned.leases).toMatchObject([{ state: "released" }]);
    expect(told(say(server, { type: "REQUEST", ...renewing("192.0.2.99") }, 20))).toBe("NAK");
  });
});
