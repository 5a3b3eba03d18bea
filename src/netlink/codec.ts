/**
 * Types of attribute payloads. One object encodes and decodes: `decode` answers undefined for bytes that cannot
 * be a value of its type and never throws; `encode` throws NetloomError "bad-value" for a value that has no bytes.
 */
import { type IpAddress, ipFromBytes, ipToBytes, type MacAddress } from "../base/address.ts";
import { utf8Decode, utf8Encode } from "../base/bytes.ts";
import { NetloomError } from "../base/errors.ts";
import { LITTLE_ENDIAN, type Writer } from "./writer.ts";

/** Bytes to decode; offsets count from the start of `bytes`, which `view` covers exactly. */
export interface Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export function sourceOf(bytes: Uint8Array): Source {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

export interface Codec<Value> {
  encode(writer: Writer, value: Value): void;
  decode(source: Source, start: number, end: number): Value | undefined;
  /** For a payload whose fields belong to the object that the attribute is in: adds them there, instead of decode. */
  decodeInto?(values: Record<string, unknown>, source: Source, start: number, end: number): void;
}

/** A codec whose values all have the same number of bytes. */
export interface FixedCodec<Value> extends Codec<Value> {
  readonly size: number;
  /** Writes at an offset whose bytes are reserved. */
  put(view: DataView, offset: number, value: Value): void;
  get(view: DataView, offset: number): Value;
}

function fixed<Value>(
  size: number,
  put: (view: DataView, offset: number, value: Value) => void,
  get: (view: DataView, offset: number) => Value,
): FixedCodec<Value> {
  return {
    size,
    put,
    get,
    encode(writer, value) {
      const offset = writer.reserve(size);
      put(writer.view, offset, value);
    },
    decode(source, start, end) {
      return end - start >= size ? get(source.view, start) : undefined;
    },
  };
}

function within(value: number, minimum: number, maximum: number): number {
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
  throw new NetloomError("bad-value", `encode number ${value}: not a whole number from ${minimum} to ${maximum}`);
}

export const u8 = fixed<number>(
  1,
  (view, offset, value) => view.setUint8(offset, within(value, 0, 0xff)),
  (view, offset) => view.getUint8(offset),
);
export const u16 = fixed<number>(
  2,
  (view, offset, value) => view.setUint16(offset, within(value, 0, 0xffff), LITTLE_ENDIAN),
  (view, offset) => view.getUint16(offset, LITTLE_ENDIAN),
);
export const u32 = fixed<number>(
  4,
  (view, offset, value) => view.setUint32(offset, within(value, 0, 0xffff_ffff), LITTLE_ENDIAN),
  (view, offset) => view.getUint32(offset, LITTLE_ENDIAN),
);
export const s32 = fixed<number>(
  4,
  (view, offset, value) => view.setInt32(offset, within(value, -0x8000_0000, 0x7fff_ffff), LITTLE_ENDIAN),
  (view, offset) => view.getInt32(offset, LITTLE_ENDIAN),
);
/** 64 bits do not fit a number. */
export const u64 = fixed<bigint>(
  8,
  (view, offset, value) => {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) {
      throw new NetloomError("bad-value", `encode number ${value}: not from 0 to 2^64 - 1`);
    }
    view.setBigUint64(offset, value, LITTLE_ENDIAN);
  },
  (view, offset) => view.getBigUint64(offset, LITTLE_ENDIAN),
);
/** Network byte order, as the kernel keeps port numbers. */
export const be16 = fixed<number>(
  2,
  (view, offset, value) => view.setUint16(offset, within(value, 0, 0xffff)),
  (view, offset) => view.getUint16(offset),
);
export const be32 = fixed<number>(
  4,
  (view, offset, value) => view.setUint32(offset, within(value, 0, 0xffff_ffff)),
  (view, offset) => view.getUint32(offset),
);
/** One byte, 0 or 1; any other byte is true too. */
export const bool8 = fixed<boolean>(
  1,
  (view, offset, value) => view.setUint8(offset, value ? 1 : 0),
  (view, offset) => view.getUint8(offset) !== 0,
);

/** UTF-8 without a terminating zero, for the few attributes that count their bytes (IFLA_IFALIAS). */
export const text: Codec<string> = {
  encode(writer, value) {
    const { length } = value;
    const offset = writer.reserve(length);
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code === 0) throw new NetloomError("bad-value", `encode text ${JSON.stringify(value)}: contains a zero byte`);
      if (code >= 0x80) {
        const encoded = utf8Encode(value);
        writer.reserve(encoded.length - length);
        writer.bytes.set(encoded, writer.position - encoded.length);
        return;
      }
      writer.bytes[offset + i] = code;
    }
  },
  decode({ bytes }, start, end) {
    let value = "";
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      if (byte === 0) break;
      if (byte >= 0x80) {
        const zero = bytes.subarray(start, end).indexOf(0);
        return utf8Decode(bytes.subarray(start, zero < 0 ? end : start + zero));
      }
      value += String.fromCharCode(byte);
    }
    return value;
  },
};

/** UTF-8 with a terminating zero byte, as the kernel sends all text. */
export const string: Codec<string> = {
  encode(writer, value) {
    text.encode(writer, value);
    writer.reserve(1);
  },
  decode: text.decode,
};

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Six bytes. Link-layer addresses of other lengths (InfiniBand, ip6 tunnels) decode to undefined. */
export const mac: Codec<MacAddress> = {
  encode(writer, value) {
    const offset = writer.reserve(6);
    for (let i = 0; i < 6; i++) writer.bytes[offset + i] = Number.parseInt(value.slice(3 * i, 3 * i + 2), 16);
  },
  decode({ bytes }, start, end) {
    if (end - start !== 6) return undefined;
    let text = HEX[bytes[start]!]!;
    for (let i = start + 1; i < end; i++) text += `:${HEX[bytes[i]!]!}`;
    return text as MacAddress;
  },
};

/** Four or sixteen bytes in network order. */
export const ip: Codec<IpAddress> = {
  encode(writer, value) {
    writer.append(ipToBytes(value));
  },
  decode({ bytes }, start, end) {
    const length = end - start;
    return length === 4 || length === 16 ? ipFromBytes(bytes.subarray(start, end)) : undefined;
  },
};

/** Bytes as they are; decoded bytes are a copy. */
export const binary: Codec<Uint8Array> = {
  encode: (writer, value) => writer.append(value),
  decode: ({ bytes }, start, end) => bytes.slice(start, end),
};

/** An attribute that says all by being there. `false` cannot be encoded: leave the field out. */
export const flag: Codec<true> = { encode: () => undefined, decode: () => true };
