/** Answers that no packet of the link carries. */
import { describe, expect, test } from "vitest";
import { ipFromBigint, type Ipv6Address } from "../../../../src/base/address.ts";
import { concatBytes } from "../../../../src/base/bytes.ts";
import { decodeDhcp6 } from "../../../../src/wire/dhcp6/message.ts";
import { decodeEthernet } from "../../../../src/wire/ethernet.ts";
import { decodeIpv6 } from "../../../../src/wire/ipv6.ts";
import { Malformed } from "../../../../src/wire/malformed.ts";
import { decodeUdp } from "../../../../src/wire/udp.ts";
import { tsharkFields, tsharkFindings } from "../../../support/tshark.ts";
import { asks, ia, type Said, say, start } from "./world.ts";

/** Of a relay's message and of the option in it that holds the client's. */
const RELAYED_HEADER_BYTES = 34 + 4;

describe("answers that are longer than a packet", () => {
  const searchDomains = Array.from({ length: 150 }, (_, i) => `department${i}.example.org`);

  /** What a host makes of the fragments (RFC 8200 §4.5), which come in any order. */
  function reassemble(frames: readonly Uint8Array[]): Uint8Array {
    const pieces = frames.map((bytes) => {
      const frame = decodeEthernet(bytes);
      const packet = frame instanceof Malformed ? frame : decodeIpv6(frame.payload);
      if (packet instanceof Malformed) throw new Error(packet.reason);
      expect(packet.nextHeader).toBe(44);
      const view = new DataView(packet.payload.buffer, packet.payload.byteOffset);
      expect(packet.payload[0]).toBe(17);
      return {
        packet,
        offset: view.getUint16(2) & 0xfff8,
        more: (view.getUint16(2) & 1) === 1,
        id: view.getUint32(4),
        bytes: packet.payload.subarray(8),
      };
    });
    expect(new Set(pieces.map(({ id }) => id)).size).toBe(1);
    const sorted = pieces.toSorted((one, other) => one.offset - other.offset);
    let end = 0;
    for (const [i, { offset, bytes, more }] of sorted.entries()) {
      expect(offset).toBe(end);
      expect(more).toBe(i + 1 < sorted.length);
      end += bytes.length;
    }
    const whole = concatBytes(sorted.map(({ bytes }) => bytes));
    const datagram = decodeUdp(whole, pieces[0]!.packet);
    if (datagram instanceof Malformed) throw new Error(datagram.reason);
    return datagram.payload;
  }

  test.for<[string, number | undefined, Said]>([
    ["1280 where no MTU is known", undefined, {}],
    ["1500", 1500, {}],
    ["1280 to a relay, whatever our own link carries", 1500, { relays: [{}] }],
  ])("are sent in fragments of %s bytes", { timeout: 60_000 }, ([, mtuBytes, said]) => {
    const server = start({ searchDomains, ...(mtuBytes === undefined ? {} : { mtuBytes }) });
    const { frames, events } = say(server, "REQUEST", [ia("address", 7), asks(24)], said);
    expect(frames.length).toBeGreaterThan(2);
    const largest = said.relays === undefined ? (mtuBytes ?? 1280) : 1280;
    for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(14 + largest);
    expect(frames[0]!.length).toBeGreaterThan(largest);
    expect(events.at(-1)).toMatchObject({ event: "sent", message: "REPLY" });
    const whole = reassemble(frames);
    const reply = decodeDhcp6(said.relays === undefined ? whole : whole.subarray(RELAYED_HEADER_BYTES));
    expect(reply instanceof Malformed ? reply.reason : reply.options.map(({ code }) => code)).toEqual([2, 1, 3, 24]);
    expect(tsharkFindings(frames, "dhcpv6")).toEqual([]);
    const [read] = tsharkFields(frames, ["dhcpv6.search_list_entry"]).slice(-1);
    expect(read!["dhcpv6.search_list_entry"]!.split(",")).toHaveLength(searchDomains.length);
  });

  test("are sent whole where the link carries them", () => {
    const server = start({ searchDomains: searchDomains.slice(0, 50), mtuBytes: 1500 });
    const { frames } = say(server, "REQUEST", [ia("address", 7), asks(24)]);
    expect(frames).toHaveLength(1);
    expect(frames[0]!.length).toBeGreaterThan(14 + 1280);
  });

  test("beyond what UDP carries they are not sent", () => {
    const server = start({
      nameServers: Array.from(
        { length: 4095 },
        (_, i) => ipFromBigint((0x20010db8n << 96n) + BigInt(i), 6) as Ipv6Address,
      ),
    });
    const { frames, events } = say(server, "INFORMATION-REQUEST", [asks(23)]);
    expect(frames).toEqual([]);
    expect(events.at(-1)).toEqual({ event: "ignored", reason: "INFORMATION-REQUEST: the answer exceeds a packet" });
  });
});
