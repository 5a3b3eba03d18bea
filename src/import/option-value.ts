/** The bytes of a DHCPv4 option as a network file writes them: by name with a value, or by number with bytes. */
import { formatPrefix } from "../base/address.ts";
import { toHex } from "../base/bytes.ts";
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
import { DHCP4_OPTION, type Dhcp4Option } from "../wire/dhcp4/option-table.ts";

const BY_CODE: ReadonlyMap<number, Dhcp4Option<unknown>> = new Map(
  Object.values<Dhcp4Option<unknown>>(DHCP4_OPTION).map((option) => [option.code, option]),
);
const PLAIN: ReadonlySet<unknown> = new Set([u8, u16, u32, i32, boolean, ipv4, text, domainName]);
const LISTS: ReadonlySet<unknown> = new Set([u8List, u16List, ipv4List, domainList]);
/** Numbers for private use (RFC 3942). */
const FIRST_PRIVATE = 224;

/** Key and value. Bytes that are no value of the option's form are written as bytes. */
export function formatOption(code: number, bytes: Uint8Array): readonly [key: string, value: Plain] {
  const option = BY_CODE.get(code);
  if (option === undefined) {
    const words = code >= FIRST_PRIVATE ? text.decode(bytes) : undefined;
    return [String(code), words !== undefined && /^[ -~]{2,}$/.test(words) ? words : { hex: toHex(bytes) }];
  }
  const value = formatValue(option, bytes);
  return value === undefined ? [String(code), { hex: toHex(bytes) }] : [option.names[0]!, value];
}

function formatValue({ codec }: Dhcp4Option<unknown>, bytes: Uint8Array): Plain | undefined {
  const value = codec.decode(bytes);
  if (value === undefined) return undefined;
  if (PLAIN.has(codec)) return value as Plain;
  if (LISTS.has(codec)) return [...(value as Plain[])];
  if (codec === ipv4Pairs) return (value as string[][]).map((pair) => pair.join(" "));
  if (codec !== classlessRoutes) return undefined;
  return (value as ClasslessRoute[]).map(({ destination, gateway }) => `${formatPrefix(destination)} via ${gateway}`);
}
