/** Parameters of SVCB and HTTPS records as text (RFC 9460 §2.1, §7): key=value, in order of the keys' numbers. */
import { familyOf, ipFromBytes, ipToBytes, parseIp } from "../../base/address.ts";
import { concatBytes, utf8Decode, utf8Encode } from "../../base/bytes.ts";
import { NetloomError } from "../../base/errors.ts";
import { fromBase64, toBase64 } from "./base.ts";
import { escapeBytes, unescapeBytes } from "./escape.ts";

const KEYS = ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"];
const [MANDATORY, ALPN, NO_DEFAULT_ALPN, PORT, IPV4_HINT, ECH, IPV6_HINT] = [0, 1, 2, 3, 4, 5, 6];

const keyName = (key: number): string => KEYS[key] ?? `key${key}`;
const u16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value);

/** Undefined when the bytes are not what their keys call for, or the keys do not ascend. */
export function formatServiceParameters(bytes: Uint8Array): string[] | undefined {
  const words: string[] = [];
  let before = -1;
  for (let position = 0; position < bytes.length; ) {
    if (position + 4 > bytes.length) return undefined;
    const key = (bytes[position]! << 8) | bytes[position + 1]!;
    const end = position + 4 + ((bytes[position + 2]! << 8) | bytes[position + 3]!);
    const value = end > bytes.length || key <= before ? undefined : formatValue(key, bytes.subarray(position + 4, end));
    if (value === undefined) return undefined;
    words.push(value === "" ? keyName(key) : `${keyName(key)}=${value}`);
    position = end;
    before = key;
  }
  return words;
}

function formatValue(key: number, value: Uint8Array): string | undefined {
  if (key === PORT) return value.length === 2 ? String((value[0]! << 8) | value[1]!) : undefined;
  if (key === IPV4_HINT || key === IPV6_HINT)
    return pieces(value, key === IPV4_HINT ? 4 : 16)
      ?.map(ipFromBytes)
      .join();
  if (key === MANDATORY) {
    const keys = pieces(value, 2)?.map((piece) => (piece[0]! << 8) | piece[1]!);
    return keys?.every((one, i) => i === 0 || one > keys[i - 1]!) ? keys.map(keyName).join() : undefined;
  }
  if (key === ECH) return toBase64(value);
  if (key === ALPN) return formatProtocols(value);
  if (key === NO_DEFAULT_ALPN && value.length > 0) return undefined;
  return value.length === 0 ? "" : `"${escapeBytes(value, '"')}"`;
}

/** Comma-separated; a protocol with a comma or a backslash in it is not shown this way. */
function formatProtocols(value: Uint8Array): string | undefined {
  const protocols: string[] = [];
  for (let position = 0; position < value.length; ) {
    const end = position + 1 + value[position]!;
    const protocol = utf8Decode(value.subarray(position + 1, end));
    if (end > value.length || !/^[a-zA-Z0-9./_-]+$/.test(protocol)) return undefined;
    protocols.push(protocol);
    position = end;
  }
  return protocols.length === 0 ? undefined : `"${protocols.join()}"`;
}

function pieces(value: Uint8Array, length: number): Uint8Array[] | undefined {
  if (value.length === 0 || value.length % length !== 0) return undefined;
  return Array.from({ length: value.length / length }, (_, i) => value.subarray(i * length, (i + 1) * length));
}

/** @param words key or key=value, in any order. @throws NetloomError bad-record, bad-address */
export function parseServiceParameters(words: readonly string[]): Uint8Array {
  const parameters = new Map<number, Uint8Array>();
  for (const word of words) {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    const key = keyNumber(name);
    if (parameters.has(key)) throw wrong(name, "it stands there twice");
    parameters.set(key, parseValue(key, name, equals < 0 ? "" : word.slice(equals + 1)));
  }
  const ordered = [...parameters].sort(([a], [b]) => a - b);
  return concatBytes(ordered.flatMap(([key, value]) => [u16(key), u16(value.length), value]));
}

function keyNumber(name: string): number {
  const known = KEYS.indexOf(name.toLowerCase());
  if (known >= 0) return known;
  const digits = /^key(\d{1,5})$/i.exec(name)?.[1];
  if (digits === undefined || Number(digits) > 0xfffe)
    throw wrong(name, `not known; there are ${KEYS.join(", ")} and key0 to key65534`);
  return Number(digits);
}

function parseValue(key: number, name: string, text: string): Uint8Array {
  const list = text.split(",");
  switch (key) {
    case PORT:
      if (!/^\d{1,5}$/.test(text) || Number(text) > 0xffff) throw wrong(name, "a number from 0 to 65535");
      return u16(Number(text));
    case IPV4_HINT:
    case IPV6_HINT:
      return concatBytes(
        list.map((part) => {
          const address = parseIp(part);
          if (familyOf(address) !== (key === IPV4_HINT ? 4 : 6)) throw wrong(name, `${part} is of the other family`);
          return ipToBytes(address);
        }),
      );
    case MANDATORY:
      return concatBytes(
        list
          .map(keyNumber)
          .sort((a, b) => a - b)
          .map(u16),
      );
    case ALPN:
      return concatBytes(
        list.map((protocol) => {
          const bytes = utf8Encode(protocol);
          if (bytes.length === 0 || bytes.length > 255)
            throw wrong(name, "protocols of 1 to 255 bytes, with commas between");
          return Uint8Array.of(bytes.length, ...bytes);
        }),
      );
    case ECH: {
      const bytes = fromBase64(text);
      if (bytes === undefined) throw wrong(name, "base 64");
      return bytes;
    }
    case NO_DEFAULT_ALPN:
      if (text !== "") throw wrong(name, "it has no value");
      return new Uint8Array();
    default:
      return unescapeBytes(text);
  }
}

function wrong(name: string, reason: string): NetloomError {
  return new NetloomError("bad-record", `parameter ${name}: ${reason}`);
}
