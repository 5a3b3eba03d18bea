/** DHCPv4 options as people write them: `ntp-servers=192.0.2.1,192.0.2.2`, `42=192.0.2.1`, `224=0a0b0c`. */
import { type Ipv4Address, type Ipv4Prefix, parseIpv4, parsePrefix } from "../../base/address.ts";
import { fromHex } from "../../base/bytes.ts";
import { NetloomError } from "../../base/errors.ts";
import {
  boolean,
  type ClasslessRoute,
  classlessRoutes,
  domainList,
  domainName,
  flag,
  i32,
  ipv4,
  ipv4List,
  ipv4Pairs,
  messageType,
  opaque,
  text,
  u8,
  u8List,
  u16,
  u16List,
  u32,
} from "./codecs.ts";
import { DHCP4_OPTION, type Dhcp4Option } from "./option-table.ts";

/** From a value's text to its bytes, and how that text looks. */
interface Form {
  readonly encode: (words: string) => Uint8Array;
  readonly looks: string;
}

const commaList = (words: string): string[] => words.split(",").map((word) => word.trim());
const wholeNumber = (words: string): number => (/^-?\d+$/.test(words.trim()) ? Number(words) : Number.NaN);

/** Items of two, with "via", commas or blanks between all of them. */
function pairs(words: string): [string, string][] {
  const items = words
    .replaceAll(/\bvia\b/g, " ")
    .split(/[\s,]+/)
    .filter((item) => item !== "");
  return Array.from({ length: Math.ceil(items.length / 2) }, (_, i) => [items[2 * i]!, items[2 * i + 1] ?? ""]);
}

function parseRoute([destination, gateway]: [string, string]): ClasslessRoute {
  parseIpv4(destination.replace(/\/.*$/, ""));
  return { destination: parsePrefix(destination) as Ipv4Prefix, gateway: parseIpv4(gateway) };
}

const TRUE = ["true", "on", "yes", "1"];
const FALSE = ["false", "off", "no", "0"];

function parseBoolean(words: string): boolean {
  if (TRUE.includes(words)) return true;
  if (FALSE.includes(words)) return false;
  throw new NetloomError("bad-option", `${JSON.stringify(words)} is not true or false`);
}

/** By codec: the table has one for each form. */
const FORMS: ReadonlyMap<unknown, Form> = new Map<unknown, Form>([
  [u8, { encode: (words) => u8.encode(wholeNumber(words)), looks: "64" }],
  [u16, { encode: (words) => u16.encode(wholeNumber(words)), looks: "1450" }],
  [u32, { encode: (words) => u32.encode(wholeNumber(words)), looks: "3600" }],
  [i32, { encode: (words) => i32.encode(wholeNumber(words)), looks: "-3600" }],
  [u8List, { encode: (words) => u8List.encode(commaList(words).map(wholeNumber)), looks: "1,3,6" }],
  [u16List, { encode: (words) => u16List.encode(commaList(words).map(wholeNumber)), looks: "68,1500" }],
  [boolean, { encode: (words) => boolean.encode(parseBoolean(words)), looks: "true" }],
  [ipv4, { encode: (words) => ipv4.encode(parseIpv4(words)), looks: "192.0.2.1" }],
  [ipv4List, { encode: (words) => ipv4List.encode(commaList(words).map(parseIpv4)), looks: "192.0.2.1,192.0.2.2" }],
  [
    ipv4Pairs,
    {
      encode: (words) =>
        ipv4Pairs.encode(pairs(words).map((pair) => pair.map(parseIpv4) as [Ipv4Address, Ipv4Address])),
      looks: "198.51.100.0 192.0.2.1",
    },
  ],
  [text, { encode: (words) => text.encode(words), looks: "words" }],
  [domainName, { encode: (words) => domainName.encode(words), looks: "example.org" }],
  [domainList, { encode: (words) => domainList.encode(commaList(words)), looks: "example.org,lab.example.org" }],
  [
    classlessRoutes,
    {
      encode: (words) => classlessRoutes.encode(pairs(words).map(parseRoute)),
      looks: "198.51.100.0/24 via 192.0.2.1,0.0.0.0/0 via 192.0.2.9",
    },
  ],
  [flag, { encode: (words) => flag.encode(parseBoolean(words) || refuseFalse()), looks: "true" }],
  [messageType, { encode: refuseType, looks: "…" }],
  [opaque, { encode: encodeHex, looks: "0a0b0c" }],
]);

function refuseFalse(): never {
  throw new NetloomError("bad-option", "it is false by being absent");
}

function refuseType(): never {
  throw new NetloomError("bad-option", "it belongs to each message, and cannot be set");
}

function encodeHex(words: string): Uint8Array {
  const bytes = fromHex(words.replace(/^0x/, ""));
  if (bytes.length === 0) throw new NetloomError("bad-option", "it is empty");
  return bytes;
}

const BY_NAME: ReadonlyMap<string, Dhcp4Option<unknown>> = new Map(
  Object.values<Dhcp4Option<unknown>>(DHCP4_OPTION).flatMap((option) => option.names.map((name) => [name, option])),
);
/** The table by the numbers of its options. */
export const DHCP4_OPTION_BY_CODE: ReadonlyMap<number, Dhcp4Option<unknown>> = new Map(
  Object.values<Dhcp4Option<unknown>>(DHCP4_OPTION).map((option) => [option.code, option]),
);

/** Every name of the table. */
export const DHCP4_OPTION_NAMES: readonly string[] = [...BY_NAME.keys()];

/** An option as it is written. */
interface WrittenOption {
  readonly code: number;
  /** False for a number that the table does not have: its value is bytes in hexadecimal. */
  readonly isKnown: boolean;
  /** How a value looks: "192.0.2.1,192.0.2.2". */
  readonly looks: string;
  /** @throws NetloomError bad-option, bad-address, bad-domain-name, bad-hex */
  readonly encode: (words: string) => Uint8Array;
}

/** By a name or a number of the table, or by any other number from 1 to 254; undefined: there is none of that name. */
export function findOption(name: string): WrittenOption | undefined {
  const number = /^\d{1,3}$/.test(name) ? Number(name) : undefined;
  const option = number === undefined ? BY_NAME.get(name.toLowerCase()) : DHCP4_OPTION_BY_CODE.get(number);
  if (option === undefined && (number === undefined || number < 1 || number > 254)) return undefined;
  return { code: option?.code ?? number!, isKnown: option !== undefined, ...FORMS.get(option?.codec ?? opaque)! };
}

/**
 * An option with its value. A name or a number of the table goes with a value of its form, any other number from 1 to
 * 254 with bytes in hexadecimal.
 * @returns code and bytes, an entry of Dhcp4Options
 * @throws NetloomError bad-option
 */
export function parseOption(words: string): readonly [number, Uint8Array] {
  const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(words) ?? [];
  const option = findOption(name);
  if (option === undefined) {
    throw new NetloomError("bad-option", `DHCP option ${JSON.stringify(words)}: there is none of that name`, {
      hint: "NAME=VALUE with a name of dhcpd or dnsmasq such as ntp-servers, or NUMBER=HEXADECIMAL such as 224=0a0b0c",
    });
  }
  try {
    return [option.code, option.encode(value)];
  } catch (cause) {
    if (!(cause instanceof NetloomError)) throw cause;
    throw new NetloomError("bad-option", `DHCP option ${name}: ${optionFault(cause)}`, {
      cause,
      hint: `Write it as ${name}=${option.looks}`,
    });
  }
}

/** What {@link WrittenOption.encode} has against a value, in words that follow the option's name. */
export function optionFault(error: NetloomError): string {
  return error.message.replace(/^encode DHCP option: /, "");
}
