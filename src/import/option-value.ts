/** Values of DHCPv4 options: from the words of a configuration to bytes, and to what a network file writes. */
import { formatPrefix } from "../base/address.ts";
import { toHex } from "../base/bytes.ts";
import { NetloomError } from "../base/errors.ts";
import type { Plain } from "../model/document.ts";
import {
  boolean,
  type ClasslessRoute,
  classlessRoutes,
  domainList,
  domainName,
  i32,
  ipv4,
  ipv4List,
  ipv4Pairs,
  text,
  u16,
  u16List,
  u32,
  u8,
  u8List,
} from "../wire/dhcp4/codecs.ts";
import type { Dhcp4Option } from "../wire/dhcp4/option-table.ts";
import { DHCP4_OPTION_BY_CODE, type findOption, optionFault } from "../wire/dhcp4/option-text.ts";

const PLAIN: ReadonlySet<unknown> = new Set([u8, u16, u32, i32, boolean, ipv4, text, domainName]);
const LISTS: ReadonlySet<unknown> = new Set([u8List, u16List, ipv4List, domainList]);
/** Numbers for private use (RFC 3942). */
const FIRST_PRIVATE = 224;

type KnownOption = NonNullable<ReturnType<typeof findOption>>;

/** How the values of options look that are one address, or addresses alone. */
const ADDRESSES = new Set(["192.0.2.1", "192.0.2.1,192.0.2.2"]);
/** How those look that have no form but bytes. */
const BYTES = "0a0b0c";

/** Whether the table knows how a value of the option is written. */
export function hasForm({ isKnown, looks }: KnownOption): boolean {
  return isKnown && looks !== BYTES;
}

/** @param words with commas between the items of a list. @throws NetloomError bad-option */
export function encodeOption({ looks, encode }: KnownOption, words: string): Uint8Array {
  const name = ADDRESSES.has(looks) ? words.split(",").find((word) => /[a-z]/i.test(word)) : undefined;
  if (name !== undefined) throw badOption(`${name.trim()} is a name, and names are not looked up`, "write the address");
  try {
    return encode(words);
  } catch (error) {
    if (!(error instanceof NetloomError)) throw error;
    throw badOption(`the value cannot be: ${optionFault(error)}`, `write one such as ${looks}`);
  }
}

export function badOption(reason: string, hint: string): NetloomError {
  return new NetloomError("bad-option", reason, { hint });
}

/** Key and value. Bytes that are no value of the option's form are written as bytes. */
export function formatOption(code: number, bytes: Uint8Array): readonly [key: string, value: Plain] {
  const option = DHCP4_OPTION_BY_CODE.get(code);
  if (option === undefined) {
    const words = code >= FIRST_PRIVATE ? text.decode(bytes) : undefined;
    return [String(code), words !== undefined && /^[ -~]{2,}$/.test(words) ? words : { hex: toHex(bytes) }];
  }
  const value = formatValue(option, bytes);
  return value === undefined ? [String(code), { hex: toHex(bytes) }] : [option.names[0]!, value];
}

function formatValue({ codec }: Dhcp4Option<unknown>, bytes: Uint8Array): Plain | undefined {
  const value = codec.decode(bytes);
  // What nobody can see is not written as text.
  if (value === undefined || (typeof value === "string" && /\p{Cc}/u.test(value))) return undefined;
  if (PLAIN.has(codec)) return value as Plain;
  if (LISTS.has(codec)) return [...(value as Plain[])];
  if (codec === ipv4Pairs) return (value as string[][]).map((pair) => pair.join(" "));
  if (codec !== classlessRoutes) return undefined;
  return (value as ClasslessRoute[]).map(({ destination, gateway }) => `${formatPrefix(destination)} via ${gateway}`);
}
