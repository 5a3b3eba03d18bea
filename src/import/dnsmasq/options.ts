/** dhcp-option and dhcp-boot. */
import { type Ipv4Address, parseIpv4 } from "../../base/address.ts";
import { fromHex, utf8Encode } from "../../base/bytes.ts";
import { findOption } from "../../wire/dhcp4/option-text.ts";
import { badOption as bad, encodeOption, hasForm } from "../option-value.ts";
import { parseTime } from "./lines.ts";

export interface OptionLine {
  readonly tags: readonly string[];
  readonly code: number;
  /** Undefined: clients are not told the option at all. */
  readonly bytes: Uint8Array | undefined;
  /** An address 0.0.0.0 that stands for the server itself. */
  readonly isOwnAddress: boolean;
}

const OWN_ADDRESS = "0.0.0.0";

/**
 * `[tag:TAG,]…[option:NAME|NUMBER][,VALUE]…`
 * @throws NetloomError bad-option, bad-address, bad-domain-name, bad-hex
 */
export function readOption(values: readonly string[]): OptionLine {
  const { tags, rest } = readTags(values);
  const [name = "", ...words] = rest;
  if (/^(encap|vi-encap|vendor):/.test(name))
    throw bad(
      "options within another option are not made",
      "write the bytes: options: { 43: { hex: … } }, or in a class with vendor",
    );
  if (name.startsWith("option6:")) throw bad("it is of IPv6", "give the network a subnet6");
  const option = findOption(name.replace(/^option:/, ""));
  if (option === undefined) throw bad(`there is no DHCP option ${JSON.stringify(name)}`, "give it by number");
  const { code } = option;
  if (words.length === 0) return { tags, code, bytes: undefined, isOwnAddress: false };
  if (words.includes(OWN_ADDRESS) && option.looks.includes("192.0.2"))
    return { tags, code, bytes: undefined, isOwnAddress: true };
  return { tags, code, bytes: encodeWords(option, words), isOwnAddress: false };
}

function encodeWords(option: NonNullable<ReturnType<typeof findOption>>, words: readonly string[]): Uint8Array {
  if (hasForm(option)) {
    // A time may have a unit.
    const isNumber = /^\d+$/.test(option.looks) && words.length === 1;
    return encodeOption(option, isNumber ? String(parseTime(words[0]!) ?? words[0]) : words.join(","));
  }
  // dnsmasq makes of a value what it looks like.
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
  if (words.length === 1 && /^\d{1,9}$/.test(text)) return encodeNumber(Number(text));
  return utf8Encode(text);
}

/** In as few bytes as it takes. */
function encodeNumber(value: number): Uint8Array {
  if (value < 256) return Uint8Array.of(value);
  return value < 65_536 ? Uint8Array.of(value >> 8, value) : Uint8Array.of(value >> 24, value >> 16, value >> 8, value);
}

/** What `[tag:TAG,]…` names, and what stands behind it. */
export function readTags(values: readonly string[]): { tags: string[]; rest: string[] } {
  const start = values.findIndex((value) => !/^(tag|net):/.test(value));
  const end = start < 0 ? values.length : start;
  return { tags: values.slice(0, end).map((value) => value.replace(/^(tag|net):/, "")), rest: values.slice(end) };
}

export interface BootLine {
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
