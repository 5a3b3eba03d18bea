/** dhcp-option and dhcp-boot. */
import { type Ipv4Address, parseIpv4 } from "../../base/address.ts";
import { fromHex, utf8Encode } from "../../base/bytes.ts";
import { findOption } from "../../wire/dhcp4/option-text.ts";
import { badOption as bad, encodeOption, hasForm } from "../option-value.ts";
import { parseTime } from "./lines.ts";

interface OptionLine {
  readonly tags: readonly string[];
  readonly code: number;
  /** Of which option it is a part; absent: it is one itself. */
  readonly within?: Container;
  /** Undefined: clients are not told the option at all. */
  readonly bytes: Uint8Array | undefined;
  /** An address 0.0.0.0 that stands for the server itself. */
  readonly isOwnAddress: boolean;
}

/** An option that holds others (dnsmasq(8), dhcp-option). */
export interface Container {
  readonly code: number;
  /** Option 125 tells for whom (RFC 3925 §4). */
  readonly enterprise?: number;
  /** Only for clients whose vendor class begins so. */
  readonly vendor?: string;
}

const OWN_ADDRESS = "0.0.0.0";
const VENDOR_OPTIONS = 43;
const ENTERPRISE_OPTIONS = 125;

/**
 * `[tag:TAG,]…[option:NAME|NUMBER][,VALUE]…`
 * @throws NetloomError bad-option, bad-address, bad-domain-name, bad-hex
 */
export function readOption(values: readonly string[]): OptionLine {
  const { tags, rest } = readTags(values);
  const [name = "", ...words] = rest;
  const within = readContainer(name);
  if (within !== undefined) return readInner(tags, within, words);
  if (name.startsWith("option6:")) throw bad("it is of IPv6", "give the network a subnet6");
  const option = findOption(name.replace(/^option:/, ""));
  if (option === undefined) throw bad(`there is no DHCP option ${JSON.stringify(name)}`, "give it by number");
  const { code } = option;
  if (words.length === 0) return { tags, code, bytes: undefined, isOwnAddress: false };
  if (words.includes(OWN_ADDRESS) && option.looks.includes("192.0.2"))
    return { tags, code, bytes: undefined, isOwnAddress: true };
  return { tags, code, bytes: encodeWords(option, words), isOwnAddress: false };
}

function readContainer(name: string): Container | undefined {
  const [, kind, value = ""] = /^(encap|vi-encap|vendor):(.*)$/.exec(name) ?? [];
  if (kind === undefined) return undefined;
  if (kind === "vendor") return { code: VENDOR_OPTIONS, ...(value === "" ? {} : { vendor: value }) };
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (kind === "vi-encap" && number < 2 ** 32) return { code: ENTERPRISE_OPTIONS, enterprise: number };
  if (kind === "encap" && number >= 1 && number <= 254) return { code: number };
  throw bad(`${JSON.stringify(value)} is not the number of an option`, "put the number right");
}

/** `NUMBER[,VALUE]…`, whose value is what it looks like. */
function readInner(tags: readonly string[], within: Container, [number = "", ...words]: readonly string[]): OptionLine {
  const code = /^\d{1,3}$/.test(number) ? Number(number) : 0;
  if (code < 1 || code > 254) throw bad(`${JSON.stringify(number)} is no number of an option`, "write 1 to 254");
  const bytes = words.length === 0 ? new Uint8Array(0) : encodeByLooks(words);
  if (bytes.length > 255) throw bad("an option within another one has at most 255 bytes", "shorten it");
  return { tags: [...tags], code, within, bytes, isOwnAddress: false };
}

function encodeWords(option: NonNullable<ReturnType<typeof findOption>>, words: readonly string[]): Uint8Array {
  if (hasForm(option)) {
    // A time may have a unit.
    const isNumber = /^\d+$/.test(option.looks) && words.length === 1;
    return encodeOption(option, isNumber ? String(parseTime(words[0]!) ?? words[0]) : words.join(","));
  }
  return encodeByLooks(words);
}

/** dnsmasq makes of a value what it looks like. */
function encodeByLooks(words: readonly string[]): Uint8Array {
  const text = words.join(",");
  if (words.every((word) => /^\d+\.\d+\.\d+\.\d+$/.test(word)))
    return Uint8Array.from(words.flatMap((word) => parseIpv4(word).split(".").map(Number)));
  if (/^[0-9a-f]{1,2}(:[0-9a-f]{1,2})+$/i.test(text))
    return fromHex(
      text
        .split(":")
        .map((byte) => byte.padStart(2, "0"))
        .join(""),
    );
  const [, number, size = ""] = /^(-?\d{1,10})([bsi]?)$/.exec(text) ?? [];
  if (number !== undefined && Math.abs(Number(number)) < 2 ** 32) return encodeNumber(Number(number), size);
  return utf8Encode(text);
}

/** @param size b, s or i: one, two or four bytes; otherwise as few as it takes */
function encodeNumber(value: number, size: string): Uint8Array {
  if (size === "b" || (size === "" && value >= 0 && value < 256)) return Uint8Array.of(value);
  if (size === "s" || (size === "" && value >= 0 && value < 65_536)) return Uint8Array.of(value >>> 8, value);
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** What `[tag:TAG,]…` names, and what stands behind it. */
export function readTags(values: readonly string[]): { tags: string[]; rest: string[] } {
  const start = values.findIndex((value) => !/^(tag|net):/.test(value));
  const end = start < 0 ? values.length : start;
  return { tags: values.slice(0, end).map((value) => value.replace(/^(tag|net):/, "")), rest: values.slice(end) };
}

interface BootLine {
  readonly tags: readonly string[];
  readonly file: string;
  readonly serverName: string | undefined;
  readonly server: Ipv4Address | undefined;
}

/** `[tag:TAG,]FILE[,SERVER NAME[,SERVER ADDRESS]]`. @throws NetloomError bad-address, bad-option */
export function readBoot(values: readonly string[]): BootLine {
  const { tags, rest } = readTags(values);
  const [file = "", name = "", address = ""] = rest;
  if (file === "") throw bad("it names no file", "write the boot file");
  if (address !== "" && !/^[\d.]+$/.test(address))
    throw bad(`${address} is a name, and names are not looked up`, "write the address of the server");
  return {
    tags,
    file,
    serverName: name === "" ? undefined : name,
    server: address === "" ? undefined : parseIpv4(address),
  };
}
