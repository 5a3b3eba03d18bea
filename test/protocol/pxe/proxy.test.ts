import { describe, expect, test } from "vitest";
import { parseIpv4, parseMac } from "../../../src/base/address.ts";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { type ProxyConfig, ProxyDhcp } from "../../../src/protocol/pxe/proxy.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../src/wire/dhcp4/option-table.ts";
import { BOOT_MAC, bootFrame, type BootRequest, MACHINE, secondStep } from "../../support/boot-client.ts";
import { type ClientMessage, clientFrame, readReply } from "../../support/dhcp4-client.ts";
import { CONFIG, SERVER } from "./world.ts";

const CLIENT = parseIpv4("192.0.2.17");

function ask(frame: Uint8Array, changes: Partial<ProxyConfig> = {}) {
  const { frames, event } = new ProxyDhcp({ ...CONFIG, ...changes }).handle(frame, false);
  return { event, replies: frames.map(readReply) };
}

function told(frame: Uint8Array, changes: Partial<ProxyConfig> = {}) {
  const { replies } = ask(frame, changes);
  expect(replies).toHaveLength(1);
  const { packet, datagram, message } = replies[0]!;
  const vendorOptions = message.options.get(DHCP4_OPTION.vendorSpecific.code);
  expect(message).toMatchObject({ operation: "reply", yourAddress: "0.0.0.0", nextServerAddress: SERVER });
  expect(readOption(message.options, DHCP4_OPTION.serverIdentifier)).toBe(SERVER);
  expect(message.options.get(DHCP4_OPTION.clientMachine.code)).toEqual(MACHINE);
  return {
    type: readOption(message.options, DHCP4_OPTION.messageType),
    vendorClass: readOption(message.options, DHCP4_OPTION.vendorClass),
    vendorOptions: vendorOptions === undefined ? undefined : toHex(vendorOptions),
    file: message.bootFile,
    file67: readOption(message.options, DHCP4_OPTION.bootFileName),
    to: `${packet.destination}:${datagram.destinationPort}`,
    from: datagram.sourcePort,
  };
}

describe("a boot client's first question", () => {
  const final = "060108ff";
  const script = "http://192.0.2.1/boot.ipxe";
  const shim = "http://192.0.2.1/efi/shimx64.efi";
  const table: readonly [string, BootRequest, Partial<ReturnType<typeof told>>][] = [
    ["BIOS", { architecture: 0 }, { file: "undionly.kpxe", vendorOptions: final }],
    ["BIOS iPXE", { architecture: 0, ipxe: true }, { file: script, vendorOptions: final }],
    ["BIOS iPXE by option 175", { architecture: 0, ipxe: "175" }, { file: script, vendorOptions: final }],
    ["UEFI x64, which shall ask again", { architecture: 7 }, { file: "efi/shimx64.efi", vendorOptions: undefined }],
    ["UEFI x64 by its other number", { architecture: 9 }, { file: "efi/shimx64.efi", vendorOptions: undefined }],
    ["UEFI x64 iPXE", { architecture: 7, ipxe: true }, { file: script, vendorOptions: final }],
    ["UEFI 32-bit", { architecture: 6 }, { file: "bootia32.efi", vendorOptions: undefined }],
    ["UEFI x64 HTTP", { architecture: 16, bootClass: "HTTPClient" }, { file: shim, file67: shim }],
    [
      "UEFI ARM64 HTTP, a name with a space",
      { architecture: 19, bootClass: "HTTPClient" },
      { file67: "http://192.0.2.1/installer%20image.iso" },
    ],
  ];
  test.each(table)("%s", (_, request, expected) => {
    const answer = told(bootFrame(request));
    expect(answer).toMatchObject({
      type: "OFFER",
      vendorClass: request.bootClass ?? "PXEClient",
      to: "255.255.255.255:68",
      from: 67,
      ...expected,
    });
  });

  test("the port of the URL, where it is not 80", () => {
    expect(told(bootFrame({ architecture: 0, ipxe: true }), { httpPort: 8080 }).file).toBe(
      "http://192.0.2.1:8080/boot.ipxe",
    );
  });

  test("a URL without room in the message's field stands in option 67", () => {
    const ipxe = `${"long/".repeat(40)}boot.ipxe`;
    const answer = told(bootFrame({ architecture: 0, ipxe: true }), { files: { bios: { ipxe } } });
    expect(answer).toMatchObject({ file: "", file67: `http://192.0.2.1/${ipxe}` });
  });

  test("a name without room anywhere is told, and nothing is sent", () => {
    const files = { bios: { loader: `${"long/".repeat(400)}pxelinux.0` } };
    expect(ask(bootFrame({ architecture: 0 }), { files })).toMatchObject({
      event: { event: "asked", reason: "the name of its file has no room in an answer" },
      replies: [],
    });
  });

  test("a relay gets the answer back, with what it wrote", () => {
    const relay = parseIpv4("192.0.2.254");
    const information = [82, fromHex("010441424344")] as const;
    const request = { architecture: 0, fields: { relayAddress: relay }, destination: SERVER, options: [information] };
    const [reply] = ask(bootFrame(request)).replies;
    expect(reply).toMatchObject({ packet: { destination: relay }, datagram: { destinationPort: 67 } });
    expect([...reply!.message.options.entries()].at(-1)).toEqual(information);
  });
});

describe("the second step, on port 4011", () => {
  test("UEFI gets an ACK, at the address that it has", () => {
    expect(told(secondStep({ architecture: 7 }, { client: CLIENT, server: SERVER }))).toMatchObject({
      type: "ACK",
      vendorClass: "PXEClient",
      file: "efi/shimx64.efi",
      to: `${CLIENT}:68`,
      from: 4011,
    });
  });

  test("is answered also where a DHCP server of ours answers the first", () => {
    const own = { besideOwnServer: true };
    expect(told(secondStep({ architecture: 7 }, { client: CLIENT, server: SERVER }), own).type).toBe("ACK");
    const { replies, event } = ask(bootFrame({ architecture: 7 }), own);
    expect(replies).toEqual([]);
    expect(event).toMatchObject({ event: "asked", offer: { file: "efi/shimx64.efi" } });
  });
});

test("beside a server of ours it is told whose address a client takes", () => {
  const takes = (server: string, changes: Partial<ClientMessage> = {}) => {
    const options = [optionEntry(DHCP4_OPTION.serverIdentifier, parseIpv4(server))];
    return ask(clientFrame({ mac: BOOT_MAC, type: "REQUEST", options, ...changes }), { besideOwnServer: true }).event;
  };
  expect(takes("192.0.2.99")).toEqual({ event: "other-server", server: "192.0.2.99" });
  const notBoot = { event: "ignored", reason: "not a boot client" };
  expect(takes(SERVER)).toEqual(notBoot);
  expect(takes("192.0.2.99", { type: "INFORM" })).toEqual(notBoot);
  expect(takes("192.0.2.99", { fields: { relayAddress: parseIpv4("192.0.2.200") } })).toEqual(notBoot);
  expect(takes("192.0.2.99", { destinationPort: 4011 })).toEqual(notBoot);
});

describe("silence", () => {
  const nothing = "the folder has nothing for it";
  const table: readonly [string, Uint8Array, string][] = [
    ["a host that wants an address", clientFrame({ mac: BOOT_MAC, type: "DISCOVER" }), "not a boot client"],
    ["a REQUEST to the network's DHCP server", bootFrame({ architecture: 0, type: "REQUEST" }), ""],
    ["a DISCOVER on port 4011", bootFrame({ architecture: 7, destinationPort: 4011 }), ""],
    ["a RELEASE", bootFrame({ architecture: 0, type: "RELEASE" }), "a message that asks for nothing"],
    ["a platform without a file", bootFrame({ architecture: 10 }), nothing],
    ["one whose file is for HTTP only", bootFrame({ architecture: 11 }), nothing],
    ["iPXE where there is only iPXE", bootFrame({ architecture: 11, ipxe: true }), nothing],
    [
      "an architecture that nobody knows",
      bootFrame({ architecture: 99 }),
      "a boot client of the unknown architecture 99",
    ],
    [
      "a question to another server",
      bootFrame({ architecture: 0, destination: parseIpv4("192.0.2.2") }),
      "sent to another server's address",
    ],
    ["an answer", bootFrame({ architecture: 0, fields: { operation: "reply" } }), "a message of another server"],
  ];
  test.each(table)("%s", (_, frame, reason) => {
    const { replies, event } = ask(frame);
    expect(replies).toEqual([]);
    expect("reason" in event ? event.reason : "").toBe(reason);
  });

  test("clients that are not known, where only those shall get something", () => {
    const known = new Set([parseMac("52:54:00:00:00:01")]);
    expect(ask(bootFrame({ architecture: 0 }), { known })).toMatchObject({
      replies: [],
      event: { event: "asked", reason: "not one of the known clients" },
    });
    expect(ask(bootFrame({ architecture: 0 }), { known: new Set([BOOT_MAC]) }).replies).toHaveLength(1);
  });
});
