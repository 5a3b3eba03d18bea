/**
 * How the value of a DHCPv4 option is written (RFC 2132 §2). `decode` gives undefined for bytes that are not
 * such a value; `encode` throws NetloomError bad-option for a value that the option cannot hold. option-text.ts reads
 * values as people write them.
 */
import { type Ipv4Address, type Ipv4Prefix, ipFromBytes, ipToBytes, networkOf } from "../../base/address.ts";
import { concatBytes, utf8Decode, utf8Encode } from "../../base/bytes.ts";
import { NetloomError } from "../../base/errors.ts";
import { decodeDomainName, encodeDomainNames } from "../domain-name.ts";
import { Malformed } from "../malformed.ts";

export interface OptionCodec<T> {
  decode(bytes: Uint8Array): T | undefined;
  encode(value: T): Uint8Array;
}

/** A route of option 121: gateway 0.0.0.0 means that the destination is on the link (RFC 3442). */
export interface ClasslessRoute {
  readonly destination: Ipv4Prefix;
  readonly gateway: Ipv4Address;
}

export type Dhcp4MessageType = (typeof MESSAGE_TYPES)[number];
const MESSAGE_TYPES = ["DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"] as const;

function badOption(reason: string): NetloomError {
  return new NetloomError("bad-option", `encode DHCP option: ${reason}`);
}

function unsigned(size: 1 | 2 | 4): OptionCodec<number> {
  return {
    decode: (bytes) => {
      if (bytes.length !== size) return undefined;
      let value = 0;
      for (let i = 0; i < size; i++) value = value * 256 + bytes[i]!;
      return value;
    },
    encode: (value) => {
      if (!Number.isInteger(value) || value < 0 || value >= 256 ** size) {
        throw badOption(`${value} is not a whole number from 0 to ${256 ** size - 1}`);
      }
      const bytes = new Uint8Array(size);
      for (let i = 0; i < size; i++) bytes[i] = value >>> (8 * (size - 1 - i));
      return bytes;
    },
  };
}

/** One or more values of fixed size, one after the other. */
function listOf<T>(size: number, item: OptionCodec<T>): OptionCodec<readonly T[]> {
  return {
    decode: (bytes) => {
      if (bytes.length === 0 || bytes.length % size !== 0) return undefined;
      const items: T[] = [];
      for (let i = 0; i < bytes.length; i += size) {
        const value = item.decode(bytes.subarray(i, i + size));
        if (value === undefined) return undefined;
        items.push(value);
      }
      return items;
    },
    encode: (values) => {
      if (values.length === 0) throw badOption("a list needs at least one value");
      return concatBytes(values.map((value) => item.encode(value)));
    },
  };
}

export const u8 = unsigned(1);
export const u16 = unsigned(2);
export const u32 = unsigned(4);
/** Two's complement, 32 bits. */
export const i32: OptionCodec<number> = {
  decode: (bytes) => {
    const value = u32.decode(bytes);
    return value === undefined ? undefined : value | 0;
  },
  encode: (value) => {
    if ((value | 0) !== value) throw badOption(`${value} is not a whole number from -2147483648 to 2147483647`);
    return u32.encode(value >>> 0);
  },
};
/** One byte, 0 or 1. */
export const boolean: OptionCodec<boolean> = {
  decode: (bytes) => (bytes.length === 1 && bytes[0]! <= 1 ? bytes[0] === 1 : undefined),
  encode: (value) => Uint8Array.of(value ? 1 : 0),
};
export const u8List = listOf(1, u8);
export const u16List = listOf(2, u16);

export const ipv4: OptionCodec<Ipv4Address> = {
  decode: (bytes) => (bytes.length === 4 ? (ipFromBytes(bytes) as Ipv4Address) : undefined),
  encode: (address) => ipToBytes(address),
};
export const ipv4List = listOf(4, ipv4);
/** Address and mask, or destination and router. */
export const ipv4Pairs = listOf<readonly [Ipv4Address, Ipv4Address]>(8, {
  decode: (bytes) => [ipFromBytes(bytes.subarray(0, 4)) as Ipv4Address, ipFromBytes(bytes.subarray(4)) as Ipv4Address],
  encode: (pair) => concatBytes(pair.map(ipToBytes)),
});

/** Text of at least one byte; NUL bytes at the end are dropped (RFC 2132 §2). */
export const text: OptionCodec<string> = {
  decode: (bytes) => {
    let length = bytes.length;
    while (length > 0 && bytes[length - 1] === 0) length--;
    return length === 0 ? undefined : utf8Decode(bytes.subarray(0, length));
  },
  encode: (value) => {
    if (value === "" || value.includes("\0")) throw badOption(`text ${JSON.stringify(value)} is empty or holds a NUL`);
    return utf8Encode(value);
  },
};

/** A value that is kept as it is: its meaning lies with somebody else. */
export const opaque: OptionCodec<Uint8Array> = { decode: (bytes) => bytes, encode: (bytes) => bytes };

/** An option whose presence is all that it says (RFC 4039). */
export const flag: OptionCodec<true> = {
  decode: (bytes) => (bytes.length === 0 ? true : undefined),
  encode: () => new Uint8Array(0),
};

export const messageType: OptionCodec<Dhcp4MessageType> = {
  decode: (bytes) => (bytes.length === 1 ? MESSAGE_TYPES[bytes[0]! - 1] : undefined),
  encode: (name) => Uint8Array.of(MESSAGE_TYPES.indexOf(name) + 1),
};

/** Domain search list, compressed (RFC 3397); pointers count from the start of the whole, joined value. */
export const domainList: OptionCodec<readonly string[]> = {
  decode: (bytes) => {
    const names: string[] = [];
    for (let offset = 0; offset < bytes.length; ) {
      const found = decodeDomainName(bytes, offset);
      if (found instanceof Malformed) return undefined;
      names.push(found.name);
      offset = found.next;
    }
    return names.length === 0 ? undefined : names;
  },
  encode: (names) => {
    if (names.length === 0) throw badOption("a list needs at least one value");
    return encodeDomainNames(names);
  },
};

/** One domain name in wire form. */
export const domainName: OptionCodec<string> = {
  decode: (bytes) => {
    const names = domainList.decode(bytes);
    return names?.length === 1 ? names[0] : undefined;
  },
  encode: (name) => encodeDomainNames([name]),
};

/** Classless static routes (RFC 3442): prefix length, the destination's significant bytes, the gateway. */
export const classlessRoutes: OptionCodec<readonly ClasslessRoute[]> = {
  decode: (bytes) => {
    const routes: ClasslessRoute[] = [];
    for (let offset = 0; offset < bytes.length; ) {
      const length = bytes[offset]!;
      const significant = Math.ceil(length / 8);
      const end = offset + 1 + significant + 4;
      if (length > 32 || end > bytes.length) return undefined;
      const address = new Uint8Array(4);
      address.set(bytes.subarray(offset + 1, offset + 1 + significant));
      routes.push({
        // A client must clear host bits that the server left set.
        destination: networkOf({ address: ipFromBytes(address) as Ipv4Address, length }),
        gateway: ipFromBytes(bytes.subarray(end - 4, end)) as Ipv4Address,
      });
      offset = end;
    }
    return routes.length === 0 ? undefined : routes;
  },
  encode: (routes) => {
    if (routes.length === 0) throw badOption("a list needs at least one value");
    return concatBytes(
      routes.flatMap(({ destination, gateway }) => [
        Uint8Array.of(destination.length),
        ipToBytes(networkOf(destination).address).subarray(0, Math.ceil(destination.length / 8)),
        ipToBytes(gateway),
      ]),
    );
  },
};
