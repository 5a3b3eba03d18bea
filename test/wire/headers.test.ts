import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseIpv4, parseMac } from "../../src/base/address.ts";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { ARP_REQUEST, decodeArp, encodeArp } from "../../src/wire/arp.ts";
import { addWords, finishChecksum } from "../../src/wire/checksum.ts";
import { decodeEthernet, encodeEthernet } from "../../src/wire/ethernet.ts";
import { decodeIpv4, encodeIpv4 } from "../../src/wire/ipv4.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { decodeUdp, encodeUdp } from "../../src/wire/udp.ts";

function decoded<T>(result: T | Malformed): T {
  if (result instanceof Malformed) throw new Error(result.reason);
  return result;
}

function reasonOf(result: unknown): string | undefined {
  return result instanceof Malformed ? result.reason : undefined;
}

const source = parseIpv4("192.0.2.1");
const destination = parseIpv4("198.51.100.199");

describe("Internet checksum", () => {
  test("the example of RFC 1071 §3", () => {
    expect(addWords(fromHex("0001 f203 f4f5 f6f7"))).toBe(0x2ddf0);
    expect(finishChecksum(0x2ddf0)).toBe(0x220d);
  });

  test("an odd last byte is the upper half of a word", () => {
    expect(addWords(fromHex("0102 03"))).toBe(addWords(fromHex("0102 0300")));
  });
});

describe("Ethernet", () => {
  test("header and payload", () => {
    const frame = decoded(decodeEthernet(fromHex("ffffffffffff 525400000010 0806 0102")));
    expect(frame.destination).toBe("ff:ff:ff:ff:ff:ff");
    expect(frame.source).toBe("52:54:00:00:00:10");
    expect(frame.etherType).toBe(0x0806);
    expect(toHex(frame.payload)).toBe("0102");
    expect(toHex(encodeEthernet(frame))).toBe("ffffffffffff52540000001008060102");
  });

  test("13 bytes are no frame", () => {
    expect(reasonOf(decodeEthernet(new Uint8Array(13)))).toContain("shorter");
  });
});

describe("ARP", () => {
  const request = fromHex("0001 0800 06 04 0001 525400000010 c0000202 000000000000 c0000201");

  test("a request decodes and encodes to the same bytes", () => {
    const packet = decoded(decodeArp(request));
    expect(packet).toEqual({
      operation: ARP_REQUEST,
      senderMac: parseMac("52:54:00:00:00:10"),
      senderAddress: "192.0.2.2",
      targetMac: parseMac("00:00:00:00:00:00"),
      targetAddress: "192.0.2.1",
    });
    expect(encodeArp(packet)).toEqual(request);
  });

  test("Ethernet padding behind it is ignored", () => {
    expect(decoded(decodeArp(Uint8Array.from([...request, ...new Uint8Array(18)]))).senderAddress).toBe("192.0.2.2");
  });

  test.each([
    ["cut off", request.subarray(0, 27)],
    ["another hardware type", request.with(1, 6)],
    ["another protocol type", request.with(3, 1)],
    ["another address length", request.with(4, 8)],
  ])("refused: %s", (_, bytes) => {
    expect(decodeArp(bytes)).toBeInstanceOf(Malformed);
  });
});

describe("IPv4", () => {
  // A widely printed example header with its checksum 0xb861.
  const header = fromHex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7");
  const packet = Uint8Array.from([...header, ...new Uint8Array(0x73 - 20)]);

  test("a known header decodes, and encodes to the same bytes", () => {
    const value = decoded(decodeIpv4(packet));
    expect(value).toMatchObject({
      source: "192.168.0.1",
      destination: "192.168.0.199",
      protocol: 17,
      timeToLive: 64,
      dontFragment: true,
    });
    expect(encodeIpv4(value)).toEqual(packet);
  });

  test("bytes behind the total length are not payload", () => {
    expect(decoded(decodeIpv4(Uint8Array.from([...packet, 1, 2, 3]))).payload.length).toBe(0x73 - 20);
  });

  test("options are kept apart from the payload and padded to words", () => {
    const options = fromHex("940400");
    const bytes = encodeIpv4({
      source,
      destination,
      protocol: 17,
      timeToLive: 1,
      dontFragment: false,
      options,
      payload: fromHex("aabb"),
    });
    expect(bytes[0]).toBe(0x46);
    const value = decoded(decodeIpv4(bytes));
    expect(toHex(value.options!)).toBe("94040000");
    expect(toHex(value.payload)).toBe("aabb");
  });

  const resealed = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = packet.slice();
    change(bytes);
    bytes.set([0, 0], 10);
    const checksum = finishChecksum(addWords(bytes.subarray(0, (bytes[0]! & 15) * 4)));
    bytes.set([checksum >>> 8, checksum & 255], 10);
    return bytes;
  };

  test.each([
    ["shorter than a header", packet.subarray(0, 19), "20 bytes"],
    ["version 6", packet.with(0, 0x65), "version"],
    ["header length 4 words", resealed((bytes) => bytes.set([0x44], 0)), "header length"],
    ["total length below the header", resealed((bytes) => bytes.set([0, 19], 2)), "total length"],
    ["total length beyond the frame", resealed((bytes) => bytes.set([0, 0x74], 2)), "exceeds"],
    ["one bit wrong", packet.with(8, 63), "checksum"],
    ["first fragment", resealed((bytes) => bytes.set([0x20, 0], 6)), "fragment"],
    ["later fragment", resealed((bytes) => bytes.set([0, 1], 6)), "fragment"],
  ])("refused: %s", (_, bytes, reason) => {
    expect(reasonOf(decodeIpv4(bytes))).toContain(reason);
  });

  test("more than 40 bytes of options cannot be encoded", () => {
    const options = new Uint8Array(41);
    const broken = { source, destination, protocol: 17, timeToLive: 1, dontFragment: true, payload: options, options };
    expect(() => encodeIpv4(broken)).toThrow("40 fit");
  });
});

describe("UDP", () => {
  const envelope = { source, destination };
  const bytes = encodeUdp({ sourcePort: 68, destinationPort: 67, payload: fromHex("010203") }, envelope);

  test("the checksum covers pseudo header, header and payload", () => {
    expect(decoded(decodeUdp(bytes, envelope)).payload).toEqual(fromHex("010203"));
    expect(reasonOf(decodeUdp(bytes.with(8, 9), envelope))).toContain("checksum");
    expect(reasonOf(decodeUdp(bytes, { source, destination: source }))).toContain("checksum");
  });

  test("checksum 0 means that there is none (RFC 768)", () => {
    expect(decoded(decodeUdp(bytes.with(6, 0).with(7, 0).with(8, 9), envelope)).payload[0]).toBe(9);
  });

  test("a partial checksum is taken only when the kernel says that it is one", () => {
    const partial = bytes.with(6, 0x12).with(7, 0x34);
    expect(reasonOf(decodeUdp(partial, envelope))).toContain("checksum");
    expect(decoded(decodeUdp(partial, envelope, true)).sourcePort).toBe(68);
  });

  test("a sum of 0 is sent as 0xffff, never as none", () => {
    const zero = Array.from({ length: 0x10000 }, (_, i) => Uint8Array.of(i >>> 8, i)).find((payload) => {
      const sent = encodeUdp({ sourcePort: 67, destinationPort: 68, payload }, envelope);
      return sent[6] === 0xff && sent[7] === 0xff;
    });
    expect(zero).toBeDefined();
    const sent = encodeUdp({ sourcePort: 67, destinationPort: 68, payload: zero! }, envelope);
    expect(decoded(decodeUdp(sent, envelope)).payload).toEqual(zero);
  });

  test.each([
    ["shorter than a header", bytes.subarray(0, 7), "8 bytes"],
    ["length below 8", bytes.with(5, 7), "below 8"],
    ["length beyond the packet", bytes.with(5, 12), "exceeds"],
  ])("refused: %s", (_, broken, reason) => {
    expect(reasonOf(decodeUdp(broken, envelope))).toContain(reason);
  });

  test("property: whatever is encoded decodes to the same, and one flipped bit of it is noticed", () => {
    const datagrams = fc.record({
      sourcePort: fc.integer({ min: 0, max: 0xffff }),
      destinationPort: fc.integer({ min: 0, max: 0xffff }),
      payload: fc.uint8Array({ maxLength: 600 }),
    });
    fc.assert(
      fc.property(datagrams, fc.nat(), (datagram, position) => {
        const sent = encodeUdp(datagram, envelope);
        expect(decodeUdp(sent, envelope)).toEqual(datagram);
        const bit = position % (sent.length * 8);
        const flipped = sent.with(bit >>> 3, sent[bit >>> 3]! ^ (1 << (bit & 7)));
        const none = flipped[6] === 0 && flipped[7] === 0;
        expect(none || decodeUdp(flipped, envelope) instanceof Malformed).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
